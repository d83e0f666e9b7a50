"""The law of searching: whatever is left unread, the answer is that of looking at every event of every segment."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.document import to_documents
from parsers.frames import Block, ParsedBatch
from pipeline.search import search_store
from pipeline.search_filter import build_filter
from pipeline.search_query import All, Any, Compare, Field, Not, Query, Word
from pipeline.sinks.segments import list_segments
from pipeline.sinks.store import StoreWriter

WORDS = (
    "Timed",
    "out",
    "k",
    "K",
    "\u212a",
    "S",
    "\u017f",
    "\u0130",
    "\u00df",
    "7",
    "a.b",
    "Connection",
    "nect",
)
FIELDS = (
    "log.level",
    "user.name",
    "http.response.status_code",
    "event.dataset",
    "message",
    "no.field",
    "@timestamp",
)

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
events = st.fixed_dictionaries(
    {"second": st.integers(0, 6), "dataset": st.sampled_from(["app", "web.access"]), "original": texts},
    optional={
        "message": texts,
        "log.level": st.sampled_from(["info", "Info", "error", "k", "\u212a"]),
        "user.name": texts,
        "http.response.status_code": st.integers(199, 202),
    },
)
leaves: st.SearchStrategy[Query] = st.one_of(
    st.builds(Word, texts),
    st.builds(Word, st.sampled_from(["t*d", "?", "o?t", "time? *connect", r"\?onnection"]), st.just(True)),
    st.builds(Field, st.sampled_from(FIELDS), st.one_of(texts, st.sampled_from(["info", "200", "APP"]))),
    st.builds(Field, st.sampled_from(FIELDS), st.sampled_from(["*", "i*", "2?0"]), st.just(True)),
    st.builds(
        Compare, st.sampled_from(FIELDS), st.sampled_from([">=", "<"]), st.sampled_from(["200", "j", "1970"])
    ),
)
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, max_size=3).map(tuple).map(All),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(Any),
    ),
    max_leaves=4,
)


def store_batch(writer: StoreWriter, number: int, batch: list[dict[str, object]]) -> None:
    for dataset in sorted({str(event["dataset"]) for event in batch}):
        rows = [event for event in batch if event["dataset"] == dataset]
        frame = pl.DataFrame(
            {
                "_row": pl.Series(range(len(rows)), dtype=pl.UInt32),
                "_id": [f"00000000000000a{number}-{at:012}-{len(dataset)}" for at in range(len(rows))],
                "@timestamp": pl.Series(
                    [datetime.fromtimestamp(int(str(row["second"])), UTC) for row in rows]
                ).cast(pl.Datetime("ms", "UTC")),
                "event.dataset": [dataset] * len(rows),
                "event.original": [row["original"] for row in rows],
                "log.file.path": [f"/{number}/{dataset}"] * len(rows),
                "log.offset": list(range(len(rows))),
            }
        )
        others = ("message", "log.level", "user.name", "http.response.status_code")
        held = [pl.Series(name, [row.get(name) for row in rows]) for name in others]
        frame = frame.with_columns(column for column in held if column.null_count() < len(column))
        writer.add(ParsedBatch((Block("r", dataset, frame),), frame.height))
    writer.flush()


def search_plainly(
    store: Path, query: Query, since: int | None, until: int | None, limit: int | None
) -> list[tuple[str, str]]:
    frames = []
    for segment in list_segments(store):
        frame = pl.read_parquet(segment.path, hive_partitioning=False)
        frame = frame.filter(build_filter(query, frame.schema))
        frames.append(frame.select("_id", "@timestamp", "log.file.path", "log.offset", to_documents(frame)))
    found = pl.concat(frames).sort("@timestamp", "log.file.path", "log.offset")
    time = pl.col("@timestamp").dt.epoch("ms")
    found = found.filter(time >= (0 if since is None else since), time < (10**9 if until is None else until))
    return found.tail(found.height if limit is None else limit).select("_id", "document").rows()


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.lists(events, min_size=1, max_size=8), min_size=1, max_size=4),
    query=queries,
    since=st.none() | st.integers(0, 6).map(lambda second: second * 1000),
    until=st.none() | st.integers(0, 6).map(lambda second: second * 1000),
    limit=st.none() | st.integers(1, 6),
)
def test_a_search_finds_what_a_look_at_everything_finds(
    batches: list[list[dict[str, object]]],
    query: Query,
    since: int | None,
    until: int | None,
    limit: int | None,
) -> None:
    with TemporaryDirectory() as folder:
        store = Path(folder)
        writer = StoreWriter(store)
        for number, batch in enumerate(batches):
            store_batch(writer, number, batch)

        found = search_store(store, query, since=since, until=until, limit=limit, with_documents=True)

        assert found.select("_id", "document").rows() == search_plainly(store, query, since, until, limit)

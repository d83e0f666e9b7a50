import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from parsers.frames import Block, ParsedBatch
from pipeline.search import parse_time, search_store
from pipeline.search_query import All, Any, Compare, Field, Not, QueryError, Word, parse_query
from pipeline.sinks.grams import GRAMS_KEY
from pipeline.sinks.segments import StoreError, list_segments
from pipeline.sinks.store import StoreWriter

HOUR = 3_600_000

EVENTS: list[dict[str, object]] = [
    {
        "message": "Timed out waiting",
        "log.level": "error",
        "host.name": "web-1",
        "http.response.status_code": 504,
    },
    {"message": "ok (200) a+b", "log.level": "info", "host.name": "web-2", "http.response.status_code": 200},
    {"message": "C:\\temp 50%", "log.level": "Error", "host.name": "web-10", "tags": ["_unparsed", "x"]},
    {"message": "plain", "event.original": "raw plain TIMED", "tags": []},
    {"message": "json", "json.*": '{"user":{"id":7,"name":"Ann"},"a b":"c"}', "ok": True},
]


def store_events(store: Path, events: list[dict[str, object]], dataset: str = "app") -> None:
    frame = pl.DataFrame(events, infer_schema_length=None).with_columns(
        pl.Series("_row", range(len(events)), dtype=pl.UInt32),
        pl.Series("_id", [f"{dataset}-{number:012}-1" for number in range(len(events))]),
        pl.Series(
            "@timestamp", [datetime.fromtimestamp(number * 3600, UTC) for number in range(len(events))]
        ).cast(pl.Datetime("ms", "UTC")),
        pl.lit(dataset).alias("event.dataset"),
    )
    writer = StoreWriter(store)
    writer.add(ParsedBatch((Block("r", dataset, frame),), frame.height))
    writer.flush()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    store_events(folder, EVENTS)
    return folder


def find(store: Path, query: str, **options: int) -> list[int]:
    return [moment.hour for moment in search_store(store, parse_query(query), **options)["@timestamp"]]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("log.level:error", [0, 2]),
        ("log.level:error host.name:web-1", [0]),
        ('"timed out"', [0]),
        ("timed", [0, 3]),
        ("timed -out", [3]),
        ("NOT log.level:*", [3, 4]),
        ("host.name:web-1*", [0, 2]),
        ("host.name:web-?", [0, 1]),
        ("host.name:*", [0, 1, 2]),
        ("http.response.status_code:>=500", [0]),
        ("http.response.status_code:<500", [1]),
        ("http.response.status_code:200", [1]),
        ("http.response.status_code:5*", [0]),
        ("http.response.status_code:abc", []),
        ("http.response.status_code:>abc", []),
        ("tags:_unparsed", [2]),
        ("tags:_un*", [2]),
        ("tags:*", [2]),
        ("-tags:*", [0, 1, 3, 4]),
        ("no.such.field:x", []),
        ("-no.such.field:x", [0, 1, 2, 3, 4]),
        ("no.such.field:>1 OR plain", [3]),
        ("timed OR json", [0, 3, 4]),
        ("(timed OR json) -log.level:error", [3, 4]),
        ("timed AND waiting", [0]),
        ("NOT (timed OR json)", [1, 2]),
        ("a+b", [1]),
        ("(200)", [1]),
        ('"(200) a+b"', [1]),
        ("t*waiting", [0]),
        (r'"c:\\temp 50%"', [2]),
        ("message:plain", [3]),
        ("message:PLA*", [3]),
        ('event.original:"raw pl"', [3]),
        ("json.user.id:7", [4]),
        ("json.user.id:>6", [4]),
        ("json.user.name:ann", [4]),
        ("json.user.nobody:x", []),
        ("ok:true", [4]),
        ("ok:maybe", []),
        ("@timestamp:>=1970-01-01T03:00:00Z", [3, 4]),
        ("@timestamp:1970-01-01T02:00:00Z", [2]),
        ("@timestamp:1970-01-01T02*", [2]),
        ("@timestamp:>soon", []),
        ("host.name:>web-10", [1]),
        (r"message:50\%", [2]),
        ("event.dataset:app", [0, 1, 2, 3, 4]),
        ("http://x", []),
    ],
)
def test_a_query_finds(store: Path, query: str, hours: list[int]) -> None:
    assert find(store, query) == hours


def test_a_query_has_a_tree() -> None:
    assert parse_query('a "b c" -x:1 y:>2 OR NOT (z:* q?)') == Any(
        (
            All((Word("a"), Word("b c"), Not(Field("x", "1")), Compare("y", ">", "2"))),
            Not(All((Field("z", "*", is_glob=True), Word("q?", is_glob=True)))),
        )
    )
    assert parse_query(r'm:"a\"b" n:a\*b 10:30') == All((Field("m", 'a"b'), Field("n", "a*b"), Word("10:30")))


@pytest.mark.parametrize(
    ("query", "position", "message"),
    [
        ('a "b', 2, 'a " that is not closed'),
        ('x:"b', 2, 'a " that is not closed'),
        ("a (b", 2, "a ( that is not closed"),
        ("a b)", 3, "a ) that closes nothing"),
        ("a x:", 2, "no value after x:"),
        ("x:>", 0, "no value after x:>"),
        ("x:(a OR b)", 2, "x: cannot take a list in parentheses"),
        ("a OR", 2, "OR wants a word on both sides"),
        ("OR a", 0, "OR wants a word on both sides"),
        ("a AND", 2, "AND wants a word on both sides"),
        ("AND a", 0, "AND wants a word on both sides"),
        ("a AND OR b", 2, "AND wants a word on both sides"),
        ("a NOT", 2, "nothing after NOT"),
        ("a (NOT)", 3, "nothing after NOT"),
        ("a\\", 1, "a backslash before nothing"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_mend(query: str, position: int, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)

    first, line, pointer = str(caught.value).split("\n")
    assert first.startswith(f"{message}; ")
    assert line == f"  {query}"
    assert pointer.index("^") - 2 == position


def test_time_bounds_and_limits_keep_the_newest(store: Path) -> None:
    assert find(store, "", since=HOUR, until=4 * HOUR) == [1, 2, 3]
    assert find(store, "", limit=2) == [3, 4]
    assert find(store, "", since=9 * HOUR) == []


def test_documents_come_on_demand(store: Path) -> None:
    query = parse_query("timed out")

    assert search_store(store, query)["document"].to_list() == [None]
    document = msgspec.json.decode(search_store(store, query, with_documents=True)["document"][0])
    assert document["@timestamp"] == "1970-01-01T00:00:00.000Z"
    assert document["http"] == {"response": {"status_code": 504}}
    assert "_id" not in document


def test_an_event_in_two_segments_counts_once_in_its_last_version(tmp_path: Path) -> None:
    store_events(tmp_path, [{"message": "old"}])
    # What a crash between writing the new segment and removing the old one leaves behind.
    old = next(tmp_path.glob("events/*/*.parquet"))
    kept = old.read_bytes()
    stamp = old.stat().st_mtime_ns
    store_events(tmp_path, [{"message": "new"}, {"message": "other"}])
    old.write_bytes(kept)

    os.utime(old, ns=(stamp, stamp))

    assert search_store(tmp_path, All(()))["message"].to_list() == ["new", "other"]


def test_a_segment_that_cannot_hold_a_word_is_not_read(tmp_path: Path) -> None:
    store_events(tmp_path, EVENTS)
    path = list_segments(tmp_path)[0].path
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)

    assert find(tmp_path, "zebra") == []
    assert find(tmp_path, 'message:"no such words" OR ze*bra?quagga') == []
    with pytest.raises(StoreError, match="cannot read the store"):
        find(tmp_path, "waiting")


@pytest.mark.parametrize("grams", [None, "", "1:AAAA", "9:AAAA", "1:\N{SNOWMAN}"])
def test_a_segment_whose_pieces_are_missing_or_damaged_is_searched(tmp_path: Path, grams: str | None) -> None:
    store_events(tmp_path, EVENTS)
    path = list_segments(tmp_path)[0].path
    frame = pl.read_parquet(path, hive_partitioning=False)
    frame.write_parquet(path, metadata={} if grams is None else {GRAMS_KEY: grams})

    assert find(tmp_path, "waiting") == [0]
    assert find(tmp_path, "waitinh") == []


def test_segments_of_different_columns_are_searched_alike(tmp_path: Path) -> None:
    store_events(tmp_path, [{"message": "a", "value": 1}], "one")
    store_events(tmp_path, [{"message": "b", "value": "1"}], "two")
    store_events(tmp_path, [{"message": "c"}], "three")

    assert search_store(tmp_path, parse_query("value:1"))["message"].to_list() == ["a", "b"]


def test_a_store_that_is_not_there_is_an_error_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="fill one with `tailrace run FILE"):
        search_store(tmp_path / "none", All(()))


def test_a_damaged_segment_is_an_error_that_names_the_store(tmp_path: Path) -> None:
    store_events(tmp_path, [{"message": "a"}])
    next(tmp_path.glob("events/*/*.parquet")).write_bytes(b"no parquet")

    with pytest.raises(StoreError, match="cannot read the store"):
        search_store(tmp_path, All(()))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90s", 910_000),
        ("15m", 100_000),
        ("500ms", 999_500),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01", 0),
        ("1970-01-01T01:00:00+01:00", 0),
    ],
)
def test_times_are_ages_or_iso(text: str, time: int) -> None:
    assert parse_time(text, now=1_000_000) == time


@pytest.mark.parametrize("text", ["", "1y", "yesterday", "h"])
def test_other_times_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write an age such as"):
        parse_time(text, now=0)

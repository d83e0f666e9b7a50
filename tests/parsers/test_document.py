import json
from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.document import WORTHWHILE_ROWS, to_documents

TIME = datetime(2026, 7, 1, 10, 0, 0, 123000, tzinfo=UTC)
NAMES = ["a", "a.b", "a.b.c", "source.ip", "source.port", "status", "tags", "x.value", "x"]
TEXTS = (
    st.none()
    | st.sampled_from(['"a":null,', ',"b":null', "x", "", "\\", '\\"a\\":null', "\x00\x1b é\u2028😀"])
    | st.text(max_size=5)
)


def frame_of(columns: dict[str, list[str | None]]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name, values in columns.items()})
    times = pl.Series("@timestamp", [TIME] * height, dtype=pl.Datetime("ms", "UTC"))
    return frame.with_columns(times, pl.lit("o").alias("event.original"))


def flatten(node: dict[str, object], prefix: str = "") -> dict[str, object]:
    out: dict[str, object] = {}
    for key, value in node.items():
        if isinstance(value, dict):
            out.update(flatten(value, f"{prefix}{key}."))
        else:
            out[f"{prefix}{key}"] = value
    return out


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES[3:7], TEXTS)), min_size=1, max_size=6))
def test_a_document_holds_exactly_the_fields_that_are_not_null(rows: list[dict[str, str | None]]) -> None:
    frame = frame_of({name: [row[name] for row in rows] for name in rows[0]})

    documents = [json.loads(text) for text in to_documents(frame)]

    for row, document in zip(rows, documents, strict=True):
        known = {name: value for name, value in row.items() if value is not None}
        assert flatten(document) == {"@timestamp": "2026-07-01T10:00:00.123Z", "event.original": "o", **known}
        assert {} not in document.values()


@settings(max_examples=25)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4),
    st.integers(WORTHWHILE_ROWS, 2 * WORTHWHILE_ROWS),
)
def test_large_batches_give_the_documents_of_small_ones(
    kinds: list[tuple[str | None, ...]], height: int
) -> None:
    rows = [kinds[at % len(kinds)] for at in range(height)]
    frame = frame_of(
        {name: [row[at] for row in rows] for at, name in enumerate(("source.ip", "user.name", "b"))}
    )

    together = to_documents(frame).to_list()

    assert together[:20] == [to_documents(frame[at : at + 1])[0] for at in range(20)]
    assert len(together) == height


def test_a_name_that_is_value_and_object_becomes_value() -> None:
    document = json.loads(to_documents(frame_of({"a": ["1"], "a.b": ["2"], "a.b.c": ["3"]}))[0])

    assert document["a"] == {"value": "1", "b": {"value": "2", "c": "3"}}


def test_values_keep_their_types() -> None:
    frame = frame_of({"a": ["x"]}).with_columns(
        pl.lit(5).alias("n"), pl.lit(1.5).alias("d"), pl.lit(True).alias("b"),
        pl.lit(pl.Series([["p", "q"]])).first().alias("tags"),
        pl.lit(TIME).cast(pl.Datetime("ms", "UTC")).alias("event.created"),
        pl.lit('{"k":[1,{"z":null}]}').alias("json.*"), pl.lit("hidden").alias("_id"),
    )  # fmt: skip

    document = json.loads(to_documents(frame)[0])

    assert document == {
        "@timestamp": "2026-07-01T10:00:00.123Z",
        "event": {"original": "o", "created": "2026-07-01T10:00:00.123Z"},
        "a": "x", "n": 5, "d": 1.5, "b": True, "tags": ["p", "q"], "json": {"k": [1, {"z": None}]},
    }  # fmt: skip


def test_documents_begin_so_that_a_sink_can_add_to_event() -> None:
    text = to_documents(frame_of({"a": ["x"]}))[0]

    assert text.startswith('{"@timestamp":"2026-07-01T10:00:00.123Z","event":{"')


def test_no_rows_give_no_documents() -> None:
    assert to_documents(pl.DataFrame()).to_list() == []

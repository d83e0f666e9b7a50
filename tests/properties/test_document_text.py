"""Laws of writing documents from columns: byte for byte what the JSON writer makes of the same rows."""

import datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.document_json import encode_documents
from parsers.document_text import write_documents

TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "",
        '"',
        "\\",
        '\\"',
        "{}",
        "{0}",
        "{{",
        '"a":null,',
        "null",
        "é\u2028\x7f",
        "\x00\x1f\n\r\t\b\f",
        "x" * 40,
    ]
)
TIMES = st.datetimes()
KINDS: list[tuple[pl.DataType, st.SearchStrategy[Any]]] = [
    (pl.String(), TEXTS),
    (pl.String(), TEXTS),
    (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    (pl.UInt8(), st.integers(0, 255)),
    (pl.Boolean(), st.booleans()),
    (pl.Float64(), st.floats(allow_nan=False, allow_infinity=False)),
    (pl.Datetime("ms", "UTC"), TIMES.map(lambda time: time.replace(tzinfo=datetime.UTC))),
    (pl.Datetime("ms"), TIMES),
    (pl.List(pl.String()), st.lists(st.none() | TEXTS, max_size=3)),
    (pl.Categorical(), st.sampled_from(["a", 'b"'])),
]
NAMES = [
    "a",
    "a.b",
    "a.c",
    "a.b.c",
    "event.kind",
    "event.original",
    "event.x.y",
    "message",
    "tags",
    "labels.{}",
    'l."\\',
    "z.z.z",
]
ROWS = st.integers(1, 6)


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(ROWS)
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=8))
    columns = [
        pl.Series("@timestamp", [draw(TIMES) for _ in range(height)], dtype=pl.Datetime("ms")),
        pl.Series("_hidden", [1] * height),
    ]
    for name in names:
        kind, values = draw(st.sampled_from(KINDS))
        filling = draw(st.sampled_from(["alike", "any", "some", "none"]))
        if filling == "alike":
            column = [draw(values)] * height
        else:
            column = [None if filling == "none" else draw(values) for _ in range(height)]
        if filling == "some":
            column = [None if draw(st.booleans()) else value for value in column]
        columns.append(pl.Series(name, column, dtype=kind))
    frame = pl.DataFrame(columns)
    if "event.original" in names and draw(st.booleans()):
        frame = frame.with_columns(pl.col("event.original").alias("message"))
    return frame


@given(frames())
@settings(deadline=None, max_examples=150)
def test_documents_are_those_of_the_json_writer(frame: pl.DataFrame) -> None:
    written = write_documents(frame)

    assert written is not None
    assert written.to_list() == encode_documents(frame).to_list()


@given(frames(), st.lists(st.sampled_from(['{"x":1}', '{"a":{"b":"{}"},"y":null}', None]), min_size=6))
@settings(deadline=None, max_examples=50)
def test_members_are_spliced_in_alike(frame: pl.DataFrame, members: list[str | None]) -> None:
    column = pl.Series("labels.*", members[: frame.height], dtype=pl.String)
    frame = frame.with_columns(column)

    written = write_documents(frame)

    assert written is not None
    assert written.to_list() == encode_documents(frame).to_list()


@given(frames(), st.sampled_from([float("nan"), float("inf"), -float("inf")]))
@settings(deadline=None, max_examples=10)
def test_numbers_that_json_lacks_are_left_to_the_json_writer(frame: pl.DataFrame, number: float) -> None:
    assert write_documents(frame.with_columns(pl.lit(number).alias("odd"))) is None


def test_other_types_are_left_to_the_json_writer() -> None:
    frame = pl.DataFrame(
        {"@timestamp": [datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)], "a": [{"b": 1}]}
    )

    assert write_documents(frame) is None
    assert write_documents(frame.with_columns(pl.lit(datetime.date(2026, 1, 1)).alias("a"))) is None

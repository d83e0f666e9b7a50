import json
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from parsers.load import parse_rules
from parsers.ruleset import build_rule_set
from pipeline.agents import parsing
from pipeline.agents.parsing import Newest, locate, parse_batches
from pipeline.flow import Flow, build_flow
from pipeline.kafka.records import RecordBatch, compact_offsets, join_batches, to_size
from pipeline.stages.decode import Decoded, decode_batch

RULES = """
name: greeting
patterns: ['^hello (?P<user.name>[a-z]+)$']
tests: [{name: t, line: hello you, expect: {user.name: you}}]
"""


def refuse_bob(frame: pl.DataFrame) -> pl.DataFrame:
    if "user.name" in frame.columns and "bob" in frame["user.name"].to_list():
        raise ValueError("not bob")
    return frame


@pytest.fixture(scope="module")
def flow() -> Flow:
    return build_flow(build_rule_set(parse_rules(RULES)), (), (refuse_bob,))


def make_batch(values: Sequence[bytes | None]) -> RecordBatch:
    offsets = [100 + 2 * index for index in range(len(values))]
    times = [1_782_900_000_000 + index for index in range(len(values))]
    keys = [None] * len(values)
    return RecordBatch(
        "raw", 3, 90, offsets[-1] + 5, offsets, times, keys, values, 1000, to_size(keys, values)
    )


def test_a_batch_becomes_keys_and_documents_in_order(flow: Flow) -> None:
    parsed = parse_batches([make_batch([b"hello you", b"unknown", b"hello me"])], flow, lambda *_: None)
    assert [key.partition(b"/")[0] for key in parsed.keys] == [
        b"logs-greeting-default",
        b"logs-generic-default",
        b"logs-greeting-default",
    ]
    assert all(value.startswith(b'{"@timestamp":"2026-07-01T') for value in parsed.values)
    assert parsed.rows == [0, 1, 2]
    assert parsed.letters == ()


def test_a_record_that_a_stage_fails_on_is_refused_alone(flow: Flow) -> None:
    heard: list[Exception] = []
    values = [b"hello you"] * 7 + [b"hello bob"] + [b"hello me"] * 5
    parsed = parse_batches([make_batch(values)], flow, lambda _, error: heard.append(error))
    assert parsed.rows == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    (letter,) = parsed.letters
    assert (letter.reason, letter.origin.offset, letter.original) == ("stage_failed", 114, b"hello bob")
    assert "not bob" in letter.message
    assert heard


def test_a_record_without_a_value_is_refused_and_rows_stay_right(flow: Flow) -> None:
    parsed = parse_batches([make_batch([None, b"hello you", None, b"hello me"])], flow, lambda *_: None)
    assert parsed.rows == [1, 3]
    assert [(letter.reason, letter.origin.offset) for letter in parsed.letters] == [
        ("empty_record", 100),
        ("empty_record", 104),
    ]


def test_the_cut_of_a_batch_changes_no_document(flow: Flow) -> None:
    values = [b"hello you", b"what", b"hello me", b"hello them"]
    batch = make_batch(values)
    whole = parse_batches([batch], flow, lambda *_: None)
    parts = [parse_batches([batch.slice(start, start + 1)], flow, lambda *_: None) for start in range(4)]
    assert [value for part in parts for value in part.values] == list(whole.values)
    assert [key for part in parts for key in part.keys] == list(whole.keys)
    assert batch.slice(1, 3).next_offset == 106
    assert batch.slice(2, 4).next_offset == batch.next_offset


def test_batches_of_several_partitions_are_parsed_as_each_alone(flow: Flow) -> None:
    lots: list[list[bytes | None]] = [
        [b"hello you", b"what", None],
        [None, None],
        [b'{"message":"hello me","log":{"file":{"path":"/a"},"offset":7},"host":{"name":"web-1"}}', b"\xff"],
        [b"hello them"],
    ]
    batches = [replace(make_batch(values), partition=number) for number, values in enumerate(lots)]
    together = parse_batches(batches, flow, lambda *_: None)
    alone = [parse_batches([batch], flow, lambda *_: None) for batch in batches]
    # The order of members may differ, as it may with any other cut.
    assert list(map(json.loads, together.values)) == [
        json.loads(value) for parsed in alone for value in parsed.values
    ]
    assert list(together.keys) == [key for parsed in alone for key in parsed.keys]
    assert list(together.times) == [time for parsed in alone for time in parsed.times]
    assert together.newest == tuple(newest for parsed in alone for newest in parsed.newest)
    assert together.newest[1] == Newest()
    assert together.letters == tuple(letter for parsed in alone for letter in parsed.letters)
    found = [locate(batches, row) for row in together.rows]
    assert [(batch.partition, row) for batch, row in found] == [(0, 0), (0, 1), (2, 0), (2, 1), (3, 0)]


def test_a_record_that_a_stage_fails_on_is_refused_alone_among_batches(flow: Flow) -> None:
    batches = [
        replace(make_batch([b"hello you", None, b"hello me"]), partition=1),
        replace(make_batch([b"hello me", b"hello bob", b"hello you"]), partition=2),
    ]
    parsed = parse_batches(batches, flow, lambda *_: None)
    assert len(parsed.values) == 4
    assert [(letter.reason, letter.origin.partition) for letter in parsed.letters] == [
        ("empty_record", 1),
        ("stage_failed", 2),
    ]
    found = [locate(batches, row) for row in parsed.rows]
    assert [(batch.partition, row) for batch, row in found] == [(1, 0), (1, 2), (2, 0), (2, 2)]
    assert len(parsed.newest) == 2
    assert all(newest.recorded for newest in parsed.newest)


def test_batches_whose_columns_have_other_types_are_parsed_one_by_one(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(batch: RecordBatch) -> Decoded:
        decoded = decode_batch(batch)
        kind = pl.String if batch.partition else pl.Int64
        return replace(decoded, lines=decoded.lines.with_columns(pl.lit(1).cast(kind).alias("labels.x")))

    monkeypatch.setattr(parsing, "decode_batch", decode)
    batches = [replace(make_batch([b"hello you"]), partition=number) for number in (0, 1)]
    parsed = parse_batches(batches, flow, lambda *_: None)
    labels = [json.loads(value)["labels"] for value in parsed.values]
    assert labels == [{"x": 1}, {"x": "1"}]


def test_joined_batches_are_one_batch() -> None:
    batch = make_batch([b"a", b"bb", None, b"dddd"])
    parts = [batch.slice(0, 1), batch.slice(1, 3), batch.slice(3, 4)]
    assert join_batches(parts) == replace(batch, first_offset=100)
    assert join_batches([batch]) is batch


def test_offsets_without_a_gap_are_a_range() -> None:
    assert compact_offsets([5, 6, 7]) == range(5, 8)
    assert compact_offsets([5, 7]) == [5, 7]
    assert compact_offsets([5]) == range(5, 6)

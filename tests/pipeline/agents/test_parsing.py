import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl
import pytest

from parsers.load import parse_rules
from parsers.ruleset import build_rule_set
from pipeline.agents.parsing import Newest, Parsed, Report, locate, parse_batches
from pipeline.flow import Flow, build_flow
from pipeline.kafka.encode import encode_records
from pipeline.kafka.records import RecordBatch, compact_offsets, join_batches, to_size
from tests.encoded import read_documents

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


def parse(batches: Sequence[RecordBatch], flow: Flow, report: Report = lambda *_: None) -> Parsed:
    # So small that some records make several batches.
    return parse_batches(batches, flow, partial(encode_records, compression="zstd", size=1_500), report)


def to_row(record: Any) -> tuple[bytes, bytes, int]:
    return record.key, record.value, record.timestamp


def test_a_batch_becomes_keys_and_documents_in_order(flow: Flow) -> None:
    parsed = parse([make_batch([b"hello you", b"unknown", b"hello me"])], flow)
    assert [record.key.partition(b"/")[0] for record in read_documents(parsed)] == [
        b"logs-greeting-default",
        b"logs-generic-default",
        b"logs-greeting-default",
    ]
    assert all(record.value.startswith(b'{"@timestamp":"2026-07-01T') for record in read_documents(parsed))
    assert parsed.rows == [0, 1, 2]
    assert parsed.letters == ()


def test_a_record_that_a_stage_fails_on_is_refused_alone(flow: Flow) -> None:
    heard: list[Exception] = []
    values = [b"hello you"] * 7 + [b"hello bob"] + [b"hello me"] * 5
    parsed = parse([make_batch(values)], flow, lambda _, error: heard.append(error))
    assert parsed.rows == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    (letter,) = parsed.letters
    assert (letter.reason, letter.origin.offset, letter.original) == ("stage_failed", 114, b"hello bob")
    assert "not bob" in letter.message
    assert heard


def test_a_record_without_a_value_is_refused_and_rows_stay_right(flow: Flow) -> None:
    parsed = parse([make_batch([None, b"hello you", None, b"hello me"])], flow)
    assert parsed.rows == [1, 3]
    assert [(letter.reason, letter.origin.offset) for letter in parsed.letters] == [
        ("empty_record", 100),
        ("empty_record", 104),
    ]


def test_the_cut_of_a_batch_changes_no_document(flow: Flow) -> None:
    values = [b"hello you", b"what", b"hello me", b"hello them"]
    batch = make_batch(values)
    whole = parse([batch], flow)
    parts = [parse([batch.slice(start, start + 1)], flow) for start in range(4)]
    assert [to_row(record) for part in parts for record in read_documents(part)] == list(
        map(to_row, read_documents(whole))
    )
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
    together = parse(batches, flow)
    alone = [parse([batch], flow) for batch in batches]
    # The order of members may differ, as it may with any other cut.
    documents, apart = (
        read_documents(together),
        [record for parsed in alone for record in read_documents(parsed)],
    )
    assert [json.loads(record.value) for record in documents] == [
        json.loads(record.value) for record in apart
    ]
    assert [to_row(record)[::2] for record in documents] == [to_row(record)[::2] for record in apart]
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
    parsed = parse(batches, flow)
    assert len(read_documents(parsed)) == 4
    assert [(letter.reason, letter.origin.partition) for letter in parsed.letters] == [
        ("empty_record", 1),
        ("stage_failed", 2),
    ]
    found = [locate(batches, row) for row in parsed.rows]
    assert [(batch.partition, row) for batch, row in found] == [(1, 0), (1, 2), (2, 0), (2, 2)]
    assert len(parsed.newest) == 2
    assert all(newest.recorded for newest in parsed.newest)


def test_partitions_whose_envelopes_have_other_types_are_parsed_together(flow: Flow) -> None:
    envelopes = [b'{"message":"hello you","labels":{"x":1}}', b'{"message":"hello you","labels":{"x":"1"}}']
    batches = [replace(make_batch([value]), partition=number) for number, value in enumerate(envelopes)]

    together = parse(batches, flow)

    alone = [parse([batch], flow) for batch in batches]
    assert [json.loads(record.value) for record in read_documents(together)] == [
        json.loads(record.value) for parsed in alone for record in read_documents(parsed)
    ]


def test_joined_batches_are_one_batch() -> None:
    batch = make_batch([b"a", b"bb", None, b"dddd"])
    parts = [batch.slice(0, 1), batch.slice(1, 3), batch.slice(3, 4)]
    assert join_batches(parts) == replace(batch, first_offset=100)
    assert join_batches([batch]) is batch


def test_offsets_without_a_gap_are_a_range() -> None:
    assert compact_offsets([5, 6, 7]) == range(5, 8)
    assert compact_offsets([5, 7]) == [5, 7]
    assert compact_offsets([5]) == range(5, 6)

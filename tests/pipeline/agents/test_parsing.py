from collections.abc import Sequence

import polars as pl
import pytest

from parsers.load import parse_rules
from parsers.ruleset import build_rule_set
from pipeline.agents.parsing import parse_batch
from pipeline.flow import Flow, build_flow
from pipeline.kafka.records import RecordBatch, to_size

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
    parsed = parse_batch(make_batch([b"hello you", b"unknown", b"hello me"]), flow, lambda *_: None)
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
    parsed = parse_batch(make_batch(values), flow, lambda _, error: heard.append(error))
    assert parsed.rows == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    (letter,) = parsed.letters
    assert (letter.reason, letter.origin.offset, letter.original) == ("stage_failed", 114, b"hello bob")
    assert "not bob" in letter.message
    assert heard


def test_a_record_without_a_value_is_refused_and_rows_stay_right(flow: Flow) -> None:
    parsed = parse_batch(make_batch([None, b"hello you", None, b"hello me"]), flow, lambda *_: None)
    assert parsed.rows == [1, 3]
    assert [(letter.reason, letter.origin.offset) for letter in parsed.letters] == [
        ("empty_record", 100),
        ("empty_record", 104),
    ]


def test_the_cut_of_a_batch_changes_no_document(flow: Flow) -> None:
    values = [b"hello you", b"what", b"hello me", b"hello them"]
    batch = make_batch(values)
    whole = parse_batch(batch, flow, lambda *_: None)
    parts = [parse_batch(batch.slice(start, start + 1), flow, lambda *_: None) for start in range(4)]
    assert [value for part in parts for value in part.values] == list(whole.values)
    assert [key for part in parts for key in part.keys] == list(whole.keys)
    assert batch.slice(1, 3).next_offset == 106
    assert batch.slice(2, 4).next_offset == batch.next_offset

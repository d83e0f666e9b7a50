import base64
import json
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from pipeline.kafka.records import RecordBatch
from pipeline.stages.decode import decode_batches, decode_records
from tests.pipeline.stages.envelopes import FILEBEAT, KAFKA_TIME, VECTOR, decode, decode_one


def test_bare_line_keeps_the_records_own_place_and_time() -> None:
    assert decode_one("GET / 200\r\n") == {
        "event.original": "GET / 200",
        "_id": "16f0662f9fd8e36a-000000000050-6892460701895536587",
        "_offset": 50,
        "_time": KAFKA_TIME,
        "kafka.topic": "logs.raw",
        "kafka.partition": 1,
        "kafka.offset": 50,
    }


@pytest.mark.parametrize(
    "record",
    ['{"message":"cut', '{"message":"a"}{"message":"b"}', '{ "message": NaN}', '{"a":' + "[" * 100_000],
)
def test_broken_envelope_is_a_line_with_a_tag(record: str) -> None:
    line = decode_one(record)

    assert line["event.original"] == record
    assert line["tags"] == ["_envelope_broken"]


@pytest.mark.parametrize("record", ["{main} failed", "{", "{}", "[]", '"text"', "", "\x00\x1b[31m"])
def test_other_text_is_a_line_as_it_is(record: str) -> None:
    line = decode_one(record)

    assert line["event.original"] == record
    assert "tags" not in line


def test_invalid_utf8_stays_recoverable() -> None:
    record = b"caf\xe9 \xff"

    line = decode_one(record)

    assert line["event.original"] == "caf� �"
    assert base64.b64decode(line["tailrace.original_base64"]) == record
    assert line["tags"] == ["_invalid_utf8"]


def test_invalid_utf8_inside_an_envelope() -> None:
    record = b'{"message":"caf\xe9","host":"w","tags":["a"]}'

    line = decode_one(record)

    assert line["event.original"] == "caf�"
    assert line["host.name"] == "w"
    assert base64.b64decode(line["tailrace.original_base64"]) == record
    assert line["tags"] == ["a", "_invalid_utf8"]


def test_half_a_surrogate_pair_is_no_character() -> None:
    record = r'{"message":"\ud83d \ud83d\ude00 \\ud83d","x":"\udc00"}'

    line = decode_one(record)

    assert line["event.original"] == "� 😀 \\ud83d"
    assert line["labels.x"] == "�"
    assert base64.b64decode(line["tailrace.original_base64"]) == record.encode()


def test_json_that_stays_whole_keeps_its_escapes() -> None:
    line = decode_one(r'{"msg":"\ud83d"}')

    assert line["event.original"] == r'{"msg":"\ud83d"}'
    assert "tags" not in line


def test_tombstones_are_refused_and_the_rest_keeps_its_offsets() -> None:
    decoded = decode("a", None, FILEBEAT, None)

    assert decoded.lines["_offset"].to_list() == [50, 52]
    assert decoded.lines["kafka.offset"].to_list() == [50, 52]
    assert [(dead.row, dead.offset, dead.reason) for dead in decoded.dead] == [
        (1, 51, "empty_record"),
        (3, 53, "empty_record"),
    ]


def test_order_is_kept_across_forms() -> None:
    decoded = decode("a", {**FILEBEAT, "message": "b"}, "c", {**VECTOR, "message": "d"}, '{"e', b"f\xff")

    assert decoded.lines["event.original"].to_list() == ["a", "b", "c", "d", '{"e', "f�"]


def test_file_with_offset_is_the_identity_wherever_the_record_lies() -> None:
    first = (
        decode_records("logs.raw", 0, [1], [KAFKA_TIME], [json.dumps(FILEBEAT).encode()]).lines["_id"].item()
    )
    again = {
        **FILEBEAT,
        "@timestamp": "2026-07-01T10:05:00Z",
        "agent": {**FILEBEAT["agent"], "ephemeral_id": "f"},
    }

    assert decode_one(again)["_id"] == first
    assert decode_one({**FILEBEAT, "log": {**FILEBEAT["log"], "offset": 1}})["_id"] != first


@pytest.mark.parametrize(
    "change",
    [{"log": {"file": {"path": "/x"}}}, {"log": {"offset": 8912}}, {"agent": {}, "host": {}}],
    ids=["no offset", "no path", "no owner"],
)
def test_without_a_full_origin_the_partition_is_the_identity(change: dict[str, Any]) -> None:
    assert "-000000000050-" in decode_one({**FILEBEAT, **change})["_id"]


def test_one_record_of_ten_megabytes() -> None:
    text = "x" * 10_000_000

    assert decode_one({**FILEBEAT, "message": text})["event.original"] == text
    assert decode_one(text)["event.original"] == text


def test_record_batch_is_read_by_its_attributes() -> None:
    @dataclass(frozen=True)
    class Batch:
        topic: str
        partition: int
        offsets: list[int]
        timestamps: list[int]
        values: list[bytes | None]

    decoded = decode_batches([Batch("logs.raw", 1, [50], [KAFKA_TIME], [b"x"])])

    assert decoded.lines.equals(decode("x").lines)


def test_batches_of_several_partitions_become_what_each_becomes_alone() -> None:
    values: list[list[bytes | None]] = [
        [b"a", None, json.dumps(FILEBEAT).encode()],
        [None],
        [b"\xff", b"2026-07-01T10:00:00Z stdout P cut", b"z\n"],
        [json.dumps({**FILEBEAT, "fields": {"shop": "b"}}).encode(), b"{broken"],
    ]
    batches = [
        RecordBatch(
            "logs.raw", at, 9, 20, [9 + 2 * row for row in range(len(lot))], [at] * len(lot), [], lot, 0
        )
        for at, lot in enumerate(values)
    ]
    together, alone = decode_batches(batches), [decode_batches([batch]) for batch in batches]

    lines = pl.concat([each.lines for each in alone], how="diagonal")
    assert together.lines.select(lines.columns).equals(lines)
    assert [(each.row, each.offset) for each in together.dead] == [(1, 11), (3, 9)]
    assert [each.timestamp for each in together.dead] == [0, 1]


def test_no_records_give_no_lines() -> None:
    decoded = decode()

    assert decoded.lines.height == 0
    assert {"event.original", "_id", "_time", "_offset"} <= set(decoded.lines.columns)

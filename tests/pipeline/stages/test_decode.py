import base64
import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.stages.decode import Decoded, decode_batch, decode_records

KAFKA_TIME = 1_783_000_000_000
READ_TIME = 1_782_900_000_123

FILEBEAT: dict[str, Any] = {
    "@timestamp": "2026-07-01T10:00:00.123Z",
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.14.0"},
    "message": "2026/07/01 10:00:00 [error] 54053#0: *1 open() failed",
    "log": {"offset": 8912, "file": {"path": "/var/log/nginx/error.log", "device_id": "2049", "inode": "77"}},
    "input": {"type": "filestream"},
    "ecs": {"version": "8.0.0"},
    "host": {
        "name": "web-1",
        "ip": ["10.0.0.1", "fe80::1"],
        "os": {"name": "Debian"},
        "containerized": False,
    },
    "agent": {"type": "filebeat", "version": "8.14.0", "id": "9f2b", "ephemeral_id": "e", "name": "web-1"},
    "fields": {"log_topic": "nginx", "team": {"name": "edge"}},
    "tags": ["web"],
    "event": {"timezone": "+02:00", "dataset": "nginx.error", "module": "nginx"},
    "cloud": {"provider": "aws", "region": "eu-west-1"},
    "container": {"id": "c0ffee", "labels": {"com.docker.compose": "x"}},
    "service": {"name": "shop"},
}
VECTOR: dict[str, Any] = {
    "file": "/var/log/app.log",
    "host": "web-1",
    "message": "started",
    "source_type": "file",
    "timestamp": "2026-07-01T10:00:00.123456789Z",
}


def decode(*records: bytes | str | Mapping[str, Any] | None) -> Decoded:
    values = [
        record
        if record is None or isinstance(record, bytes)
        else (record if isinstance(record, str) else json.dumps(record)).encode()
        for record in records
    ]
    return decode_records("logs.raw", 1, range(50, 50 + len(values)), [KAFKA_TIME] * len(values), values)


def decode_one(record: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    """The line's fields that are not null."""
    decoded = decode(record)
    assert decoded.dead == ()
    [line] = decoded.lines.to_dicts()
    return {name: value for name, value in line.items() if value is not None}


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


def test_filebeat() -> None:
    line = decode_one(FILEBEAT)

    assert line.pop("_id") == "e1709bbad85abe06-000000008912-1909210236970062393"
    assert line == {
        "event.original": "2026/07/01 10:00:00 [error] 54053#0: *1 open() failed",
        "_offset": 50,
        "_time": READ_TIME,
        "_dataset": "nginx.error",
        "kafka.topic": "logs.raw",
        "kafka.partition": 1,
        "kafka.offset": 50,
        "event.created": datetime.datetime(2026, 7, 1, 10, 0, 0, 123000, tzinfo=datetime.UTC),
        "event.timezone": "+02:00",
        "log.offset": 8912,
        "log.file.path": "/var/log/nginx/error.log",
        "log.file.device_id": "2049",
        "log.file.inode": "77",
        "input.type": "filestream",
        "host.name": "web-1",
        "host.ip": ["10.0.0.1", "fe80::1"],
        "host.os.name": "Debian",
        "host.containerized": False,
        "agent.type": "filebeat",
        "agent.version": "8.14.0",
        "agent.id": "9f2b",
        "agent.ephemeral_id": "e",
        "agent.name": "web-1",
        "cloud.provider": "aws",
        "cloud.region": "eu-west-1",
        "container.id": "c0ffee",
        "container.labels.com_docker_compose": "x",
        "service.name": "shop",
        "labels.log_topic": "nginx",
        "labels.team_name": "edge",
        "labels.event_module": "nginx",
        "tags": ["web"],
    }


def test_vectors_host_is_a_string() -> None:
    line = decode_one({**VECTOR, "offset": 12, "env": "prod"})

    expected = {
        "event.original": "started",
        "_time": READ_TIME,
        "host.name": "web-1",
        "log.file.path": "/var/log/app.log",
        "log.offset": 12,
        "input.type": "file",
        "labels.env": "prod",
    }
    assert expected.items() <= line.items()
    assert "host" not in line


def test_vectors_kafka_source_has_no_file_offset() -> None:
    line = decode_one(
        {
            "message": "m",
            "source_type": "kafka",
            "topic": "apps",
            "partition": 3,
            "offset": 99,
            "message_key": "k",
        }
    )

    assert "log.offset" not in line
    assert {"labels.topic": "apps", "labels.partition": "3", "labels.offset": "99"}.items() <= line.items()


def test_fluent_bit() -> None:
    line = decode_one(
        {
            "@timestamp": 1782900000.123,
            "log": "started\n",
            "kubernetes": {
                "pod_name": "shop-1",
                "namespace_name": "prod",
                "host": "node-1",
                "docker_id": "c0ffee",
                "labels": {"app": "shop", "app.kubernetes.io/name": "shop"},
            },
        }
    )

    expected = {
        "event.original": "started",
        "_time": READ_TIME,
        "kubernetes.pod.name": "shop-1",
        "kubernetes.namespace": "prod",
        "kubernetes.node.name": "node-1",
        "container.id": "c0ffee",
        "kubernetes.labels.app": "shop",
        "kubernetes.labels.app_kubernetes_io/name": "shop",
    }
    assert expected.items() <= line.items()


def test_docker_json_file() -> None:
    whole = {"log": "started\n", "stream": "stderr", "time": "2026-07-01T10:00:00.123456789Z"}

    assert {"event.original": "started", "_time": READ_TIME, "labels.stream": "stderr"}.items() <= decode_one(
        whole
    ).items()
    assert "tags" not in decode_one(whole)
    assert decode_one({**whole, "log": "half a li"})["tags"] == ["_partial"]


@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: {"message": text}], ids=["bare", "in an envelope"]
)
def test_cri(wrap: Any) -> None:
    line = decode_one(wrap("2026-07-01T12:00:00.123456789+02:00 stdout F started"))

    assert {
        "event.original": "started",
        "_time": READ_TIME,
        "labels.stream": "stdout",
    }.items() <= line.items()
    assert "tags" not in line
    assert decode_one(wrap("2026-07-01T10:00:00Z stderr P half a li"))["tags"] == ["_partial"]
    assert decode_one(wrap("2026-07-01T10:00:00Z stderr F"))["event.original"] == ""


def test_time_of_the_shipper_is_created_and_of_the_container_runtime_is_time() -> None:
    line = decode_one(
        {"message": "2026-07-01T10:00:00.123Z stdout F x", "@timestamp": "2026-07-01T11:00:00Z"}
    )

    assert line["_time"] == READ_TIME
    assert line["event.created"] == datetime.datetime(2026, 7, 1, 11, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "time",
    [
        "2026-07-01T10:00:00.123Z",
        "2026-07-01T10:00:00.123999999Z",
        "2026-07-01T12:00:00.123+02:00",
        "2026-07-01 10:00:00.123",
        "2026-07-01 10:00:00.123 +0000",
        "1782900000.123",
        1782900000.123,
        1782900000123,
        1782900000123456,
        1782900000123456789,
    ],
)
@pytest.mark.parametrize("key", ["@timestamp", "timestamp", "time", "date"])
def test_times(key: str, time: str | float) -> None:
    assert decode_one({"message": "m", key: time})["_time"] == READ_TIME


@pytest.mark.parametrize("time", ["yesterday", "", "2026-13-01T00:00:00Z", 1e300, -1e25, "1e999", "nan"])
def test_what_is_no_time_stays_as_a_label(time: str | float) -> None:
    line = decode_one({"message": "m", "timestamp": time})

    assert line["_time"] == KAFKA_TIME
    assert "event.created" not in line
    assert line["labels.time"] == (time if isinstance(time, str) else json.dumps(time).replace("e+", "e"))


@pytest.mark.parametrize(
    "record",
    [
        {"msg": "no message", "level": "info"},
        {"message": 5},
        {"message": None},
        {"log": {"level": "info"}},
        {"message": "an application's own line", "level": "info", "logger": "x"},
        {"message": "m", "log.level": "INFO", "ecs.version": "1.2.0"},
        {"message": "m", "log": {"level": "info"}},
    ],
)
def test_other_json_stays_whole_for_a_json_rule(record: dict[str, Any]) -> None:
    line = decode_one(record)

    assert line["event.original"] == json.dumps(record)
    assert "tags" not in line


def test_level_beside_a_shippers_marks_is_a_label() -> None:
    assert decode_one({**VECTOR, "level": "info"})["labels.level"] == "info"


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


def test_wrong_types_go_to_labels_as_text() -> None:
    line = decode_one(
        {
            "message": "m",
            "host": ["a", "b"],
            "offset": 2**70,
            "tags": "one",
            "process": {"pid": "12", "thread": {"id": "main"}, "args": ["a"]},
            "source": {"ip": "not an address"},
            "log": 5,
            "ratio": 0.5,
            "": {"": "empty"},
        }
    )

    expected = {
        "labels.host_name": '["a","b"]',
        "labels.offset": str(2**70),
        "tags": ["one"],
        "process.pid": 12,
        "labels.process_thread_id": "main",
        "process.args": ["a"],
        "labels.source_ip": "not an address",
        "labels.log": "5",
        "labels.ratio": "0.5",
        "labels._": "empty",
    }
    assert {name: line[name] for name in expected if name in line} == {**expected}
    assert "source.ip" not in line


def test_envelope_cannot_write_what_the_pipeline_says() -> None:
    line = decode_one(
        {
            "message": "m",
            "event": {"kind": "alert", "original": "o"},
            "rule": {"name": "x"},
            "_id": "1",
            "_time": 3,
        }
    )

    assert {
        "labels.event_kind": "alert",
        "labels.event_original": "o",
        "labels.rule_name": "x",
    }.items() <= line.items()
    assert line["_time"] == KAFKA_TIME
    assert line["labels._id"] == "1"
    assert not {"event.kind", "rule.name"} & set(line)


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


def test_a_flood_of_free_keys_makes_no_flood_of_columns() -> None:
    records = [{"message": "m", **{f"key-{at}-{row}": at for at in range(100)}} for row in range(50)]

    decoded = decode(*records)

    assert decoded.lines.width < 600
    first, last = decoded.lines.to_dicts()[0], decoded.lines.to_dicts()[-1]
    assert first["labels.key-0-0"] == "0"
    assert json.loads(last["labels.more"]) == {f"key-{at}-49": str(at) for at in range(100)}


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

    decoded = decode_batch(Batch("logs.raw", 1, [50], [KAFKA_TIME], [b"x"]))

    assert decoded.lines.equals(decode("x").lines)


def test_no_records_give_no_lines() -> None:
    decoded = decode()

    assert decoded.lines.height == 0
    assert {"event.original", "_id", "_time", "_offset"} <= set(decoded.lines.columns)

import datetime
import json
from typing import Any

import pytest

from tests.pipeline.stages.envelopes import FILEBEAT, READ_TIME, VECTOR, decode_one


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

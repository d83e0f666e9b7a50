"""Records as shippers send them, and what decoding makes of one."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.stages.decode import Decoded, decode_records

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

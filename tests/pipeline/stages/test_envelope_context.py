import json
from typing import Any

import pytest

from tests.pipeline.stages.envelopes import KAFKA_TIME, decode, decode_one


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


def test_a_flood_of_free_keys_makes_no_flood_of_columns() -> None:
    records = [{"message": "m", **{f"key-{at}-{row}": at for at in range(100)}} for row in range(50)]

    decoded = decode(*records)

    assert decoded.lines.width < 600
    first, last = decoded.lines.to_dicts()[0], decoded.lines.to_dicts()[-1]
    assert first["labels.key-0-0"] == "0"
    assert json.loads(last["labels.more"]) == {f"key-{at}-49": str(at) for at in range(100)}


@pytest.mark.parametrize("offset", [-1, "5", 2**63, None])
def test_offset_that_is_no_place_is_a_label(offset: Any) -> None:
    line = decode_one({"message": "m", "log": {"offset": offset, "file": {"path": "/x"}}, "host": "w"})

    assert "log.offset" not in line
    assert line.get("labels.log_offset") == (None if offset is None else str(offset))
    assert line["log.file.path"] == "/x"
    assert "-000000000050-" in line["_id"]


def test_dotted_key_does_not_write_the_place() -> None:
    line = decode_one({"message": "m", "log": {"offset": 7}, "log.offset": 9})

    assert line["log.offset"] == 7
    assert line["labels.log_offset"] == "9"

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sinks.dead_letter import Origin, build_dead_letter

ORIGIN = Origin("logs.raw", 3, 42)


def build(original: bytes | None, **more: object) -> dict[str, object]:
    arguments: dict[str, object] = {
        "time": 1_782_900_000_123,
        "reason": "stage_failed",
        "message": "it broke",
        "stage": "parse",
        "origin": ORIGIN,
        "original": original,
    }
    letter: dict[str, object] = json.loads(build_dead_letter(**(arguments | more)))  # type: ignore[arg-type]
    return letter


def test_a_letter_tells_the_reason_the_stage_and_the_origin() -> None:
    assert build(b"a line", key=b"k") == {
        "@timestamp": "2026-07-01T10:00:00.123Z",
        "event": {"kind": "pipeline_error", "original": "a line"},
        "error": {"type": "stage_failed", "message": "it broke"},
        "tailrace": {
            "stage": "parse",
            "origin": {"topic": "logs.raw", "partition": 3, "offset": 42, "key": "k"},
        },
    }


@given(st.binary())
def test_the_original_bytes_can_be_had_back_from_any_letter(original: bytes) -> None:
    letter = build(original, document=original, key=original)
    event, tailrace = letter["event"], letter["tailrace"]
    assert isinstance(event, dict)
    assert isinstance(tailrace, dict)
    if "original" in event:
        assert event["original"].encode() == original
        assert tailrace["document"].encode() == original
        assert tailrace["origin"]["key"].encode() == original
    else:
        labels = letter["labels"]
        assert isinstance(labels, dict)
        assert base64.b64decode(labels["original_base64"]) == original
        assert base64.b64decode(tailrace["document_base64"]) == original


def test_a_record_without_a_value_has_no_original() -> None:
    letter = build(None)
    assert letter["event"] == {"kind": "pipeline_error"}
    assert "labels" not in letter


@pytest.mark.parametrize(
    "original", [b"x" * 10_000, b"\x00" * 10_000, "ä€😀".encode() * 1000, b"\xff" * 10_000]
)
def test_a_letter_that_is_too_long_is_cut_and_says_so(original: bytes) -> None:
    data = build_dead_letter(
        time=0,
        reason="too_large",
        message="m" * 9_000,
        stage="index",
        origin=ORIGIN,
        original=original,
        document=original,
        limit=4_000,
    )
    letter = json.loads(data)
    assert len(data) <= 4_000
    assert letter["tailrace"]["truncated"] is True
    assert "document" not in letter["tailrace"]
    text = letter["event"].get("original")
    kept = text.encode() if text is not None else base64.b64decode(letter["labels"]["original_base64"])
    assert original.startswith(kept)
    assert len(kept) > 100


@pytest.mark.parametrize("time", [10**18, -(10**18)])
def test_an_impossible_time_does_not_keep_a_letter_from_being_written(time: int) -> None:
    assert build(b"x", time=time)["@timestamp"] == "1970-01-01T00:00:00.000Z"

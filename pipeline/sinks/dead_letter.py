"""What a stage or Elasticsearch refuses, as records for the dead-letter topic: with reason and origin."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec

ReasonCode: TypeAlias = Literal[
    "empty_record",  # a record without a value, or with an empty one: there is no line in it
    "invalid_envelope",  # claims to be a shipper's envelope and cannot be read as one
    "invalid_record",  # on one of our own topics, but not what our stages write there
    "too_large",  # larger than Kafka or Elasticsearch takes
    "stage_failed",  # a stage, ours or the user's, raised an error on it
    "refused_by_elasticsearch",  # answered with 4xx for this very document, a mapping conflict for instance
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the refused record lies; from there it can be replayed."""

    topic: str
    partition: int
    offset: int


def build_dead_letter(
    *,
    time: int,
    reason: ReasonCode,
    message: str,
    stage: str,
    origin: Origin,
    original: bytes | None,
    document: bytes | None = None,
    key: bytes | None = None,
    limit: int | None = None,
) -> bytes:
    """One dead letter as JSON, a pure function of its arguments: a replay writes the same bytes.

    `time` is the refused record's own time in epoch milliseconds, `original` the line or record as it came,
    `document` what was made of it and refused, `key` the record's key. Text goes to `event.original` and
    `tailrace.document`; bytes that are not UTF-8 go, in base64, to `labels.original_base64` and
    `tailrace.document_base64`. A letter longer than `limit` bytes loses the document, then the end of the
    original, and says `tailrace.truncated: true`: the whole record is still at its origin.
    """
    letter = _to_letter(time, reason, message, stage, origin, original, document, key, truncated=False)
    if limit is None or len(letter) <= limit:
        return letter
    kept = original or b""
    letter = _to_letter(time, reason, message[:1000], stage, origin, original, None, key, truncated=True)
    while len(letter) > limit and kept:
        # Escapes make the letter longer than its original by an unknown factor; halving ends in a few steps.
        kept = _cut(kept, min(len(kept) // 2, limit // 2))
        letter = _to_letter(time, reason, message[:1000], stage, origin, kept, None, key, truncated=True)
    return letter


def _to_letter(
    time: int,
    reason: ReasonCode,
    message: str,
    stage: str,
    origin: Origin,
    original: bytes | None,
    document: bytes | None,
    key: bytes | None,
    *,
    truncated: bool,
) -> bytes:
    event: dict[str, Any] = {"kind": "pipeline_error"}
    tailrace: dict[str, Any] = {
        "stage": stage,
        "origin": {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset},
    }
    labels: dict[str, str] = {}
    _put(original, event, "original", labels, "original_base64")
    _put(document, tailrace, "document", tailrace, "document_base64")
    _put(key, tailrace["origin"], "key", tailrace["origin"], "key_base64")
    if truncated:
        tailrace["truncated"] = True
    letter: dict[str, Any] = {"@timestamp": _to_iso(time), "event": event}
    letter["error"] = {"type": reason, "message": message}
    letter["tailrace"] = tailrace
    if labels:
        letter["labels"] = labels
    return msgspec.json.encode(letter)


def _put(
    data: bytes | None, text_to: dict[str, Any], name: str, bytes_to: dict[str, Any], other: str
) -> None:
    if data is None:
        return
    try:
        text_to[name] = data.decode()
    except UnicodeDecodeError:
        bytes_to[other] = base64.b64encode(data).decode()


def _cut(data: bytes, length: int) -> bytes:
    """The first `length` bytes, fewer where that would split a character of valid UTF-8."""
    while length and data[length] & 0xC0 == 0x80:
        length -= 1
    return data[:length]


def _to_iso(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds; times outside the years 1 to 9999 become the epoch."""
    try:
        moment = EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        moment = EPOCH
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

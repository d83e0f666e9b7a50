"""A refused record on its way to the dead-letter topic."""

from dataclasses import dataclass

from pipeline.kafka.records import RecordBatch
from pipeline.sinks.dead_letter import Origin, ReasonCode


@dataclass(frozen=True, slots=True)
class Letter:
    """A refused record: see `build_dead_letter` for the fields."""

    origin: Origin
    time: int
    reason: ReasonCode
    message: str
    stage: str
    original: bytes | None
    document: bytes | None = None
    key: bytes | None = None
    limit: int | None = None


def to_letter(
    batch: RecordBatch, row: int, stage: str, reason: ReasonCode, message: str, document: bytes | None = None
) -> Letter:
    """The letter for a record of a batch."""
    origin = Origin(batch.topic, batch.partition, batch.offsets[row])
    return Letter(
        origin, batch.timestamps[row], reason, message, stage, batch.values[row], document, batch.keys[row]
    )

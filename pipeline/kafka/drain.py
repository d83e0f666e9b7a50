"""Take what aiokafka has fetched for one partition, as one batch of columns.

aiokafka builds an object of eleven fields for every record; this reads its record batches below that, three times as
fast. It touches internals of aiokafka's fetcher (`Fetcher._records`, `FetchResult._partition_records`), as Faust's own
driver does; the contract tests on a real broker notice when they change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

from aiokafka.errors import CorruptRecordException

from pipeline.kafka.records import RecordBatch, compact_offsets, to_size

# Records are taken in pieces, between which the number of bytes is looked at.
_PIECE: Final = 256


@dataclass(slots=True)
class OpenResult:
    """A fetch result that is partly read: `batch` is the record batch in the middle of which we are."""

    result: Any
    batch: Any = None
    records: Iterator[Any] | None = None

    def __post_init__(self) -> None:
        # A generator that holds its owner, and with it all that was fetched. aiokafka breaks this circle at the
        # generator's end (PartitionRecords.__next__), which nobody reaches here; the collector comes late.
        self.result._partition_records._records_iterator = None


def drain_result(state: OpenResult, max_records: int, max_bytes: int) -> tuple[RecordBatch | None, bool]:
    """Up to `max_records` records or a little over `max_bytes`, and whether the result is used up.

    At least one record if there is any, however large it is; None if there is none. The consumer's position moves past
    what was taken. A damaged record batch is a CorruptRecordException; what lay before it is given first.
    """
    result = state.result
    partition = result._topic_partition
    pending = result._partition_records
    position = result._assignment.state_value(partition)
    first = position.position
    offsets: list[int] = []
    timestamps: list[int] = []
    keys: list[bytes | None] = []
    values: list[bytes | None] = []
    size = 0
    used_up = False
    while len(offsets) < max_records and size < max_bytes:
        try:
            used_up = state.records is None and not _open_next(state, pending)
        except CorruptRecordException:
            if not offsets:
                raise
            break
        if used_up or state.records is None:
            break
        piece = list(islice(state.records, min(_PIECE, max_records - len(offsets))))
        if not piece:
            pending.next_fetch_offset = state.batch.next_offset
            state.batch = state.records = None
            continue
        # A fetch answers with whole record batches, the first of which may begin before the asked offset.
        if piece[0].offset < first:
            piece = [record for record in piece if record.offset >= first]
            if not piece:
                continue
        offsets += [record.offset for record in piece]
        timestamps += [record.timestamp for record in piece]
        keys += [record.key for record in piece]
        values += [record.value for record in piece]
        size += to_size(keys[-len(piece) :], values[-len(piece) :])
        pending.next_fetch_offset = offsets[-1] + 1
    position.consumed_to(pending.next_fetch_offset)
    if not offsets:
        return None, used_up
    batch = RecordBatch(
        partition.topic,
        partition.partition,
        first,
        pending.next_fetch_offset,
        compact_offsets(offsets),
        timestamps,
        keys,
        values,
        position.highwater,
        size,
    )
    return batch, used_up


def _open_next(state: OpenResult, pending: Any) -> bool:
    """Open the next record batch that holds records; False at the end."""
    while state.batch is not None or pending._records.has_next():
        if state.batch is None:
            state.batch = pending._records.next_batch()
        if pending._check_crcs and not state.batch.validate_crc():
            raise CorruptRecordException(
                f"a record batch of {pending._tp} does not have the checksum it was sent with"
            )
        if not state.batch.is_control_batch:
            state.records = chain(state.batch)
            return True
        pending.next_fetch_offset = state.batch.next_offset
        state.batch = None
    return False

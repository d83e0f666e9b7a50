"""The unit that Kafka hands over: the records of one partition that lay ready, as columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

T = TypeVar("T")


# A bytes object, its place in a list, the offset and the time of a record.
_OBJECTS: Final = 110


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition, in the order of offsets. The sequences are of one length and never empty.

    The batch covers the offsets [first_offset, next_offset), of which compaction and transaction markers may have left
    out some. `timestamps` are epoch ms, `high_watermark` the end of the partition when the batch was fetched, `size`
    what the batch takes of memory, in bytes: see `to_size`.
    """

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    high_watermark: int
    size: int = 0

    def __len__(self) -> int:
        return len(self.offsets)

    def __repr__(self) -> str:
        where = f"{self.topic}[{self.partition}] {self.first_offset}..{self.next_offset}"
        return f"<RecordBatch {where}, {len(self)} records, {self.size} bytes>"

    def slice(self, start: int, stop: int) -> "RecordBatch":
        """The records with the indices [start, stop), which must not be empty, as a batch of their own."""
        whole_end = stop >= len(self)
        return RecordBatch(
            self.topic,
            self.partition,
            self.offsets[start],
            self.next_offset if whole_end else self.offsets[stop],
            self.offsets[start:stop],
            self.timestamps[start:stop],
            self.keys[start:stop],
            self.values[start:stop],
            self.high_watermark,
            to_size(self.keys[start:stop], self.values[start:stop]),
        )


def join_batches(batches: Sequence[RecordBatch]) -> RecordBatch:
    """Batches of one partition, each of which begins where the one before it ends, as one batch; at least one."""
    first, last = batches[0], batches[-1]
    if len(batches) == 1:
        return first

    def join(columns: Iterable[Sequence[T]]) -> Sequence[T]:
        return list(chain.from_iterable(columns))

    return RecordBatch(
        first.topic,
        first.partition,
        first.first_offset,
        last.next_offset,
        compact_offsets(join(batch.offsets for batch in batches)),
        join(batch.timestamps for batch in batches),
        join(batch.keys for batch in batches),
        join(batch.values for batch in batches),
        last.high_watermark,
        sum(batch.size for batch in batches),
    )


def compact_offsets(offsets: Sequence[int]) -> Sequence[int]:
    """Ascending offsets, as a range where none is left out: that is nearly always so, and takes no memory."""
    first, last = offsets[0], offsets[-1]
    return range(first, last + 1) if last - first + 1 == len(offsets) else offsets


def to_size(keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> int:
    """The bytes of keys and values together, and of the objects that hold them: short lines take twice their length."""
    return sum(map(len, filter(None, keys))) + sum(map(len, filter(None, values))) + _OBJECTS * len(values)

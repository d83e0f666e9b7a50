"""The records of one call of the producer, as the batches that aiokafka takes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from aiokafka import AIOKafkaProducer

from pipeline.kafka.encode import EncodedBatch, cut_batch, seal_batch

Bytes: TypeAlias = bytes | None


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbours among the records of one call: [start, stop)."""

    start: int
    stop: int


class Outgoing(Protocol):
    """The records of one call."""

    @property
    def topic(self) -> str:
        """Where they go."""

    def build(self, producer: AIOKafkaProducer, part: Part) -> tuple[Any, int]:
        """A batch for aiokafka that begins with part.start, and the first record left out."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Records as objects, for the few that are not documents: keys, values and epoch ms are of one length."""

    topic: str
    keys: Sequence[Bytes] | None
    values: Sequence[Bytes]
    timestamps: Sequence[int | None] | None

    def build(self, producer: AIOKafkaProducer, part: Part) -> tuple[Any, int]:
        """See `Outgoing`. It is compressed when it is sent, on the event loop."""
        batch = producer.create_batch()
        # The builder below BatchBuilder: the same method without an object for every record, three times as fast.
        append = batch._builder.append
        keys, values, timestamps = self.keys, self.values, self.timestamps
        no_headers: list[tuple[str, bytes]] = []
        index = part.start
        while index < part.stop:
            key = None if keys is None else keys[index]
            time = None if timestamps is None else timestamps[index]
            if append(index - part.start, time, key, values[index], no_headers) is None:
                break
            index += 1
        batch._relative_offset = index - part.start
        batch.close()
        return batch, index


@dataclass(frozen=True, slots=True)
class Encoded:
    """Batches that are built and compressed; `starts` says which record of the call each begins with."""

    topic: str
    batches: Sequence[EncodedBatch]
    starts: Sequence[int]
    compression: str | None

    def build(self, producer: AIOKafkaProducer, part: Part) -> tuple[Any, int]:
        """See `Outgoing`. Only a piece of a batch that was refused is built anew."""
        at = bisect_right(self.starts, part.start) - 1
        start, batch = self.starts[at], self.batches[at]
        stop = min(start + batch.count, part.stop)
        if (part.start, stop) != (start, start + batch.count):
            batch = cut_batch(batch, part.start - start, stop - start, self.compression)
        return _Sealed(batch), stop


class _Sealed:
    """What aiokafka's accumulator wants of a `BatchBuilder` that is closed."""

    def __init__(self, batch: EncodedBatch) -> None:
        self._batch = batch
        self._data = batch.data

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._data = seal_batch(self._batch, producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytes:
        return self._data

    def size(self) -> int:
        return len(self._data)

    def record_count(self) -> int:
        return self._batch.count

    def closed(self) -> bool:
        return True

    def close(self) -> None:
        """It is closed from the beginning."""

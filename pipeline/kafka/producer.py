"""Sends whole batches and comes back when the broker has them, however long that takes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from itertools import accumulate
from typing import Any, Final

import polars as pl
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from loguru import logger

from pipeline.kafka.connection import build_client_options, choose_compression
from pipeline.kafka.encode import EncodedBatch, encode_records
from pipeline.kafka.outgoing import Bytes, Encoded, Listed, Outgoing, Part
from pipeline.settings import KafkaSettings

# Before compression. The broker takes 1,048,588 by default; with 900,000 glibc gave back to the system what each batch
# had taken, and to fetch it anew cost a worker a tenth of its CPU, and 20 MB.
BATCH_BYTES: Final = 300_000
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0
_SAY_EVERY: Final = 30.0
_CLOSING: Final = 2.0


class RecordsTooLarge(Exception):
    """The broker takes no record as large as these; all others of the call were acknowledged.

    `indices` are the refused records' places among those of the call.
    """

    def __init__(self, topic: str, indices: Sequence[int]) -> None:
        self.topic = topic
        self.indices = tuple(indices)
        super().__init__(
            f"{len(self.indices)} records are larger than topic {topic} takes: raise its max.message.bytes and"
            " kafka.max_message_bytes"
        )


class ProducerStopped(Exception):
    """The producer was stopped before the broker had everything: what was sent may or may not be there."""


class BatchProducer:
    """An idempotent producer (acks=all) of record batches.

    aiokafka's own producer, with what it leaves to its users: it is made anew when the broker has refused one of its
    batches, for aiokafka counts a refused batch's sequence numbers as used and every later batch of the partition would
    be refused as out of order.
    """

    def __init__(self, settings: KafkaSettings, batch_bytes: int = BATCH_BYTES) -> None:
        self._settings = settings
        self._batch_bytes = batch_bytes
        self._compression = choose_compression(settings.compression)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._turns: dict[tuple[str, int], asyncio.Lock] = {}
        self._next: dict[str, int] = {}
        self._stopping = asyncio.Event()
        self._retired: set[asyncio.Task[None]] = set()
        self._said_at = float("-inf")

    async def start(self) -> None:
        """Connect; retried until it works or the producer is stopped (ProducerStopped)."""
        await self._retry(self._ensure_started)

    async def stop(self, timeout: float = 5.0) -> None:
        """Give what is on its way `timeout` seconds, then stop. Calls that still wait raise ProducerStopped."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(producer.flush(), timeout)
        self._stopping.set()
        if producer is not None:
            await _close(producer)
        for task in tuple(self._retired):
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has; waits for a topic that does not exist yet."""
        return len(await self._retry(lambda: self._partitions(topic)))

    async def send(
        self,
        topic: str,
        values: Sequence[Bytes],
        keys: Sequence[Bytes] | None = None,
        timestamps: Sequence[int | None] | None = None,
        partition: int | None = None,
    ) -> None:
        """Send records and return when the broker has acknowledged all of them.

        Without `partition` they are spread over the topic's partitions by batches, which take turns. Calls with a
        `partition` that are made one after the other arrive in that order, as long as the broker refuses none. An
        unreachable broker is waited for. Raises RecordsTooLarge, when all other records are acknowledged, and
        ProducerStopped.
        """
        await self._send(Listed(topic, keys, values, timestamps), len(values), partition)

    def encode(self, records: pl.DataFrame) -> tuple[EncodedBatch, ...]:
        """See `encode_records`; for `send_encoded`. May be called in any thread, where it compresses."""
        return encode_records(records, self._compression, self._batch_bytes)

    async def send_encoded(self, topic: str, batches: Sequence[EncodedBatch]) -> None:
        """`send` of what `encode` gave; indices in RecordsTooLarge are places among the records of all batches."""
        *starts, count = accumulate((batch.count for batch in batches), initial=0)
        await self._send(Encoded(topic, batches, starts, self._compression), count, None)

    async def _send(self, records: Outgoing, count: int, partition: int | None) -> None:
        topic = records.topic
        pending: set[asyncio.Task[list[int]]] = set()
        start = 0
        try:
            while start < count:
                target = partition if partition is not None else await self._choose(topic)
                async with self._turn(topic, target):
                    accepted, stop = await self._enqueue(records, target, Part(start, count))
                pending.add(
                    asyncio.create_task(self._see_through(records, target, Part(start, stop), accepted))
                )
                start = stop
            refused = await asyncio.gather(*pending)
        except BaseException:
            for task in pending:
                task.cancel()
            raise
        indices = sorted(index for part in refused for index in part)
        if indices:
            raise RecordsTooLarge(topic, indices)

    def _turn(self, topic: str, partition: int) -> asyncio.Lock:
        # aiokafka wakes all who wait for a place in a partition's queue at once; a lock lets them in one by one.
        return self._turns.setdefault((topic, partition), asyncio.Lock())

    async def _choose(self, topic: str) -> int:
        count = await self.partitions(topic)
        chosen = self._next.get(topic, 0) % count
        self._next[topic] = chosen + 1
        return chosen

    async def _enqueue(
        self, records: Outgoing, partition: int, part: Part
    ) -> tuple[tuple[AIOKafkaProducer, Awaitable[Any]], int]:
        """Hand a batch beginning with part.start to aiokafka: what to wait for, and the first record left out."""

        async def enqueue() -> tuple[tuple[AIOKafkaProducer, Awaitable[Any]], int]:
            producer = await self._ensure_started()
            batch, stop = records.build(producer, part)
            try:
                acknowledged = await producer.send_batch(batch, records.topic, partition=partition)
            except KafkaError:
                # Its sending task has died, and it will never take anything again.
                if producer._message_accumulator._exception is not None:
                    self._retire(producer)
                raise
            return (producer, acknowledged), stop

        queued: tuple[tuple[AIOKafkaProducer, Awaitable[Any]], int] = await self._retry(enqueue)
        return queued

    async def _see_through(
        self, records: Outgoing, partition: int, part: Part, sent: tuple[AIOKafkaProducer, Awaitable[Any]]
    ) -> list[int]:
        """Wait until the part is acknowledged, sending again what has to be; the indices that are too large."""
        producer, acknowledged = sent
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._unless_stopped(acknowledged)
                return []
            except (MessageSizeTooLargeError, RecordListTooLargeError):
                self._retire(producer)
                return await self._halve(records, partition, part)
            except KafkaError as error:
                self._retire(producer)
                self._say(records.topic, error)
                await self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            async with self._turn(records.topic, partition):
                (producer, acknowledged), stop = await self._enqueue(records, partition, part)
            if stop < part.stop:
                rest = await self._resend(records, partition, Part(stop, part.stop))
                first = await self._see_through(
                    records, partition, Part(part.start, stop), (producer, acknowledged)
                )
                return first + rest

    async def _halve(self, records: Outgoing, partition: int, part: Part) -> list[int]:
        if part.stop - part.start == 1:
            return [part.start]
        middle = (part.start + part.stop) // 2
        first = await self._resend(records, partition, Part(part.start, middle))
        return first + await self._resend(records, partition, Part(middle, part.stop))

    async def _resend(self, records: Outgoing, partition: int, part: Part) -> list[int]:
        refused: list[int] = []
        start = part.start
        while start < part.stop:
            async with self._turn(records.topic, partition):
                sent, stop = await self._enqueue(records, partition, Part(start, part.stop))
            refused += await self._see_through(records, partition, Part(start, stop), sent)
            start = stop
        return refused

    async def _partitions(self, topic: str) -> set[int]:
        producer = await self._ensure_started()
        known: set[int] | None = producer.client.cluster.partitions_for_topic(topic)
        found: set[int] = known or await producer.partitions_for(topic)
        if not found:
            raise UnknownTopicOrPartitionError(topic)
        return found

    async def _ensure_started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._stopping.is_set():
                raise ProducerStopped("the producer was stopped")
            if self._producer is None:
                self._producer = await self._open()
            return self._producer

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **build_client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            compression_type=self._compression,
            max_batch_size=self._batch_bytes,
            max_request_size=max(self._settings.max_document_bytes, self._batch_bytes) + 65_536,
            request_timeout_ms=30_000,
        )
        try:
            await producer.start()
        except BaseException:
            await _close(producer)
            raise
        return producer

    def _retire(self, producer: AIOKafkaProducer) -> None:
        """Open a new producer for what is sent from now on; the old one ends what it has."""
        if producer is not self._producer:
            return
        self._producer = None
        task = asyncio.create_task(_close(producer, timeout=60.0))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _retry(self, attempt: Any) -> Any:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await attempt()
            except (KafkaError, OSError) as error:
                if not isinstance(error, KafkaTimeoutError) or pause > 1:
                    self._say("the broker", error)
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        if self._stopping.is_set():
            raise ProducerStopped("the producer was stopped")

    async def _unless_stopped(self, acknowledged: Awaitable[Any]) -> None:
        stopped = asyncio.ensure_future(self._stopping.wait())
        waiting = asyncio.ensure_future(acknowledged)
        try:
            await asyncio.wait({stopped, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ProducerStopped(
                    "the producer was stopped before the broker had acknowledged everything"
                )
            waiting.result()
        finally:
            stopped.cancel()

    def _say(self, target: str, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= _SAY_EVERY:
            self._said_at = now
            servers = ", ".join(self._settings.bootstrap_servers)
            logger.warning("Cannot send to {} at {}, trying again until it works: {}", target, servers, error)


async def _close(producer: AIOKafkaProducer, timeout: float = _CLOSING) -> None:
    try:
        # Without a broker aiokafka's stop waits for it, whatever is left to send.
        await asyncio.wait_for(producer.stop(), timeout)
    except (KafkaError, OSError, TimeoutError) as error:
        logger.debug("A producer did not end cleanly: {}", error)
        await producer.client.close()

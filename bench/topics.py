"""Topics for a benchmark, made and deleted again; each has names of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.contender import Stopwatch
from bench.lines import repeat
from bench.report import Sample
from pipeline.kafka.producer import BatchProducer
from pipeline.settings import KafkaSettings, TopicSettings

PARTITIONS = 6
# A fetch answers with at most this much of a partition; all contenders ask for the same.
FETCH_BYTES = 4_000_000
_SEND = 50_000


def name_topics() -> TopicSettings:
    """Names that nobody else has."""
    mark = f"bench-{uuid4().hex[:12]}"
    return TopicSettings(*(f"{mark}.{name}" for name in ("raw", "events", "signals", "bursts", "dead")))


def to_names(topics: TopicSettings) -> dict[str, str]:
    """The same for a contender's arguments."""
    return asdict(topics)


def list_names(topics: TopicSettings) -> list[str]:
    """All of them."""
    return list(to_names(topics).values())


@contextmanager
def filled_topic(server: str, values: Iterable[list[bytes]]) -> Any:
    """A topic that holds these values, without compression; its name."""
    topic = f"bench-{uuid4().hex[:12]}"
    asyncio.run(_fill(server, topic, values))
    try:
        yield topic
    finally:
        delete_topics(server, [topic])


async def _fill(server: str, topic: str, values: Iterable[list[bytes]]) -> None:
    await administer(server, lambda admin: admin.create_topics([NewTopic(topic, PARTITIONS, 1)]))
    producer = BatchProducer(
        KafkaSettings(bootstrap_servers=(server,), compression="none"), batch_bytes=500_000
    )
    await producer.start()
    for block in values:
        for start in range(0, len(block), _SEND):
            await producer.send(topic, block[start : start + _SEND])
    await producer.stop()


def send_values(server: str, topic: str, blocks: Iterable[tuple[list[bytes], list[bytes]]]) -> None:
    """Send (keys, values) to a topic that is there, compressed as the worker's own documents are."""

    async def send() -> None:
        producer = BatchProducer(KafkaSettings(bootstrap_servers=(server,)))
        await producer.start()
        for keys, values in blocks:
            await producer.send(topic, values, keys)
        await producer.stop()

    asyncio.run(send())


def send_lines(server: str, topic: str, lines: list[bytes], count: int, block: int) -> None:
    """Send `count` lines, over and over from the beginning, each `block` of them to one partition or another."""
    parts = (part[at : at + block] for part in repeat(lines, count) for at in range(0, len(part), block))
    send_values(server, topic, (([b""] * len(part), part) for part in parts))


def read_values(server: str, topic: str, records: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of the first `records` records."""

    async def read() -> list[tuple[bytes, bytes]]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=server, auto_offset_reset="earliest")
        await consumer.start()
        read: list[tuple[bytes, bytes]] = []
        while len(read) < records:
            for found in (await consumer.getmany(timeout_ms=1000)).values():
                read += [(record.key, record.value) for record in found]
        await consumer.stop()
        return read[:records]

    return asyncio.run(read())


async def read_times(server: str, topic: str) -> list[int]:
    """The times (epoch ms) of all records of a topic."""
    return [time async for _, _, time, _ in read_records(server, topic)]


async def read_records(server: str, topic: str) -> AsyncIterator[tuple[int, int, int, bytes]]:
    """Partition, offset, time (epoch ms) and value of all records of a topic, which are too many to be held."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=server, auto_offset_reset="earliest", max_partition_fetch_bytes=FETCH_BYTES
    )
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    await consumer.start()
    try:
        consumer.assign(partitions)
        left = sum((await consumer.end_offsets(partitions)).values())
        while left > 0:
            for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                left -= len(records)
                for record in records:
                    yield partition.partition, record.offset, record.timestamp, record.value
    finally:
        await consumer.stop()


def delete_topics(server: str, names: list[str]) -> None:
    """Delete those that are there."""

    async def delete(admin: AIOKafkaAdminClient) -> None:
        known = set(await admin.list_topics())
        if found := [name for name in names if name in known]:
            await admin.delete_topics(found)

    asyncio.run(administer(server, delete))


def count_records(server: str, topic: str) -> int:
    """How many records a topic holds."""

    async def count() -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=server)
        await consumer.start()
        try:
            ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
            return sum(ends.values())
        finally:
            await consumer.stop()

    return asyncio.run(count())


async def administer(server: str, work: Callable[[AIOKafkaAdminClient], Any]) -> Any:
    """What `work` gives, with an admin client that is open meanwhile."""
    admin = AIOKafkaAdminClient(bootstrap_servers=server)
    await admin.start()
    try:
        return await work(admin)
    finally:
        await admin.close()


def read_bare(server: str, topic: str, records: int) -> Sample:
    """Contender: aiokafka's `getmany` and nothing else, from the return of its first call on."""

    async def read() -> Sample:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=server,
            group_id=f"bare-{uuid4()}",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        watch, seen, first = Stopwatch(), 0, 0
        await consumer.start()
        while seen < records:
            seen += sum(len(found) for found in (await consumer.getmany(timeout_ms=1000)).values())
            first = first or seen
            if seen:
                watch.start()
        watch.stop()
        await consumer.stop()
        return watch.to_sample(seen - first)

    return asyncio.run(read())

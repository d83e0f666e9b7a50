"""The batch producer on a real broker."""

import asyncio
import os
from collections import Counter
from uuid import uuid4

import polars as pl
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from pipeline.kafka.producer import BatchProducer, ProducerStopped, RecordsTooLarge
from pipeline.settings import KafkaSettings


async def make_topic(server: str, partitions: int, limit: int) -> str:
    name = f"producer-{uuid4().hex[:10]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=server)
    await admin.start()
    try:
        options = {"max.message.bytes": str(limit)}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=options)])
    finally:
        await admin.close()
    return name


async def read_all(
    server: str, topic: str, partitions: int
) -> dict[int, list[tuple[bytes | None, bytes, int]]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=server, max_partition_fetch_bytes=8_000_000)
    await consumer.start()
    targets = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(targets)
    await consumer.seek_to_beginning()
    ends = await consumer.end_offsets(targets)
    found: dict[int, list[tuple[bytes | None, bytes, int]]] = {number: [] for number in range(partitions)}
    while any([await consumer.position(target) < ends[target] for target in targets]):
        for target, records in (await consumer.getmany(timeout_ms=200)).items():
            found[target.partition] += [(record.key, record.value, record.timestamp) for record in records]
    await consumer.stop()
    return found


def build_producer(server: str, batch_bytes: int = 100_000) -> BatchProducer:
    return BatchProducer(KafkaSettings(bootstrap_servers=(server,), compression="none"), batch_bytes)


def test_records_arrive_once_spread_over_the_partitions_with_key_and_time(kafka_server: str) -> None:
    async def run() -> None:
        topic = await make_topic(kafka_server, 3, 1_000_000)
        producer = build_producer(kafka_server)
        values = [b"%06d" % number * 20 for number in range(10_000)]
        keys = [b"key-%d" % number for number in range(10_000)]
        await producer.send(topic, values, keys, list(range(1, 10_001)))
        assert await producer.partitions(topic) == 3
        await producer.stop()
        found = await read_all(kafka_server, topic, 3)
        assert Counter(row for rows in found.values() for row in rows) == Counter(
            zip(keys, values, range(1, 10_001), strict=True)
        )
        assert min(map(len, found.values())) > 2_000

    asyncio.run(run())


def test_records_that_are_too_large_are_named_and_all_others_arrive(kafka_server: str) -> None:
    async def run() -> None:
        topic = await make_topic(kafka_server, 1, 200_000)
        producer = build_producer(kafka_server, batch_bytes=1_000_000)
        large = os.urandom(300_000)
        with pytest.raises(RecordsTooLarge) as caught:
            await producer.send(topic, [b"a", large, b"b", b"c", large, b"d"])
        assert caught.value.indices == (1, 4)
        # A refused batch has used up sequence numbers; what comes later must not be refused for it.
        await producer.send(topic, [b"later"], partition=0)
        await producer.stop()
        found = await read_all(kafka_server, topic, 1)
        assert sorted(value for _, value, _ in found[0]) == [b"a", b"b", b"c", b"d", b"later"]

    asyncio.run(run())


def test_documents_arrive_once_with_key_and_time_and_the_too_large_are_named(kafka_server: str) -> None:
    async def run() -> None:
        topic = await make_topic(kafka_server, 2, 200_000)
        producer = BatchProducer(
            KafkaSettings(bootstrap_servers=(kafka_server,), compression="zstd"), 400_000
        )
        values = [str(number) * 20 for number in range(5_000)]
        values[7] = values[4_990] = os.urandom(300_000).hex()
        frame = pl.DataFrame(
            {"key": [f"key-{number}" for number in range(5_000)], "value": values, "time": range(1, 5_001)}
        )
        batches = producer.encode(frame)
        assert len(batches) > 2
        with pytest.raises(RecordsTooLarge) as caught:
            await producer.send_encoded(topic, batches)
        assert caught.value.indices == (7, 4_990)
        await producer.send_encoded(topic, producer.encode(frame.head(5)))
        await producer.send_encoded(topic, ())
        await producer.stop()
        found = await read_all(kafka_server, topic, 2)
        kept = [
            *frame.drop("key").with_row_index().rows(),
            *frame.drop("key").head(5).with_row_index().rows(),
        ]
        assert Counter(row for rows in found.values() for row in rows) == Counter(
            (b"key-%d" % number, value.encode(), time)
            for number, value, time in kept
            if number not in caught.value.indices
        )

    asyncio.run(run())


def test_calls_for_one_partition_arrive_in_their_order(kafka_server: str) -> None:
    async def run() -> None:
        topic = await make_topic(kafka_server, 2, 1_000_000)
        producer = build_producer(kafka_server)
        await producer.start()
        await asyncio.gather(*(producer.send(topic, [b"%d" % number], partition=1) for number in range(200)))
        await producer.stop()
        found = await read_all(kafka_server, topic, 2)
        assert [value for _, value, _ in found[1]] == [b"%d" % number for number in range(200)]

    asyncio.run(run())


def test_an_unreachable_broker_is_waited_for_until_the_producer_is_stopped() -> None:
    async def run() -> None:
        producer = build_producer("127.0.0.1:1")
        sending = asyncio.ensure_future(producer.send("topic", [b"x"]))
        await asyncio.sleep(0.5)
        assert not sending.done()
        await producer.stop(0.1)
        with pytest.raises(ProducerStopped):
            await sending

    asyncio.run(run())

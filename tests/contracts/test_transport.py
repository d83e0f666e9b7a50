"""The batch transport on a real broker."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faust.types import TP

from pipeline.kafka.batch_app import BatchApp
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.producer import BatchProducer
from pipeline.kafka.records import RecordBatch
from pipeline.kafka.tracker import Commit
from pipeline.settings import KafkaSettings

READER = Path(__file__).with_name("transport_reader.py")


async def make_topics(server: str, partitions: int, *names: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=server)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


@asynccontextmanager
async def open_producer(server: str) -> AsyncIterator[BatchProducer]:
    producer = BatchProducer(
        KafkaSettings(bootstrap_servers=(server,), compression="gzip"), batch_bytes=50_000
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[None]:
    await app.start()
    try:
        yield
    finally:
        await app.stop()


async def eventually(check: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.05)


async def read_commits(app: Any) -> dict[TP, Commit | None]:
    found: dict[TP, Commit | None] = await app.consumer._thread.committed(list(app.consumer.assignment()))
    return found


@pytest.fixture
def names() -> tuple[str, str, str]:
    mark = uuid4().hex[:10]
    return f"group-{mark}", f"topic-{mark}", f"other-{mark}"


def make_app(server: str, group: str, tmp_path: Path, options: BatchOptions, **settings: Any) -> Any:
    return BatchApp(group, servers=(server,), options=options, datadir=tmp_path / "faust", **settings)


def test_all_records_come_once_in_large_batches_and_all_are_committed(
    kafka_server: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    group, topic, _ = names

    async def run() -> None:
        await make_topics(kafka_server, 3, topic)
        async with open_producer(kafka_server) as producer:
            await producer.send(topic, [b"%d" % number for number in range(50_000)])
        app = make_app(kafka_server, group, tmp_path, BatchOptions(topics=frozenset({topic})))
        batches: list[RecordBatch] = []

        @app.agent(app.topic(topic))  # type: ignore[untyped-decorator]
        async def read(stream: Any) -> None:
            async for batch in stream:
                batches.append(batch)

        async with running(app):
            await eventually(lambda: sum(map(len, batches)) >= 50_000)
            ends = {batch.partition: batch.next_offset for batch in batches}

            async def is_committed() -> bool:
                return await read_commits(app) == {
                    TP(topic, number): Commit(end) for number, end in ends.items()
                }

            await eventually(is_committed, 5)
        values = Counter(value for batch in batches for value in batch.values)
        assert values == Counter(b"%d" % number for number in range(50_000))
        assert max(map(len, batches)) > 5_000
        for number in range(3):
            own = [batch for batch in batches if batch.partition == number]
            assert [batch.first_offset for batch in own] == [0, *(batch.next_offset for batch in own[:-1])]

    asyncio.run(run())


def test_an_agent_that_is_stuck_stops_no_other_topic(
    kafka_server: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    group, stuck, lively = names

    async def run() -> None:
        await make_topics(kafka_server, 2, stuck, lively)
        options = BatchOptions(
            topics=frozenset({stuck, lively}),
            batch_records=100,
            partition_batches=2,
            revoke_drain=0.2,
            stop_drain=0.2,
        )
        app = make_app(kafka_server, group, tmp_path, options)
        held: list[Any] = []
        seen = Counter[int]()

        @app.agent(app.topic(stuck))  # type: ignore[untyped-decorator]
        async def wait(stream: Any) -> None:
            stream.enable_acks = False
            async for event in stream.events():
                held.append(event)

        @app.agent(app.topic(lively))  # type: ignore[untyped-decorator]
        async def read(stream: Any) -> None:
            async for batch in stream:
                seen[batch.partition] += len(batch)

        async with open_producer(kafka_server) as producer:
            await producer.send(stuck, [b"%d" % number for number in range(20_000)])
            async with running(app):
                await eventually(lambda: len(held) >= 4)
                await producer.send(lively, [b"%d" % number for number in range(20_000)])
                await eventually(lambda: seen.total() >= 20_000)
                assert len(held) == 4  # two of each partition: the credit
                assert (await read_commits(app))[TP(stuck, 0)] is None
                held.pop(0).ack()
                await eventually(lambda: len(held) == 4)  # credit that comes back is used at once

    asyncio.run(run())


def test_topics_that_are_not_ours_come_record_by_record_and_tables_recover(
    kafka_server: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    group, topic, other = names

    async def run(sent: int, before: int) -> None:
        app = make_app(
            kafka_server,
            group,
            tmp_path,
            BatchOptions(topics=frozenset({topic})),
            store="memory://",
            topic_partitions=2,
            broker_commit_interval=0.2,
        )
        counts = app.Table("counts", default=int, partitions=2)
        rows = 0

        @app.agent(app.topic(other, value_type=bytes, value_serializer="raw"))  # type: ignore[untyped-decorator]
        async def count(stream: Any) -> None:
            async for word in stream:
                counts["words"] += len(word)

        @app.agent(app.topic(topic))  # type: ignore[untyped-decorator]
        async def read(stream: Any) -> None:
            nonlocal rows
            async for batch in stream:
                rows += len(batch)

        async with open_producer(kafka_server) as producer:
            await producer.send(other, [b"x"] * sent, partition=0)
            await producer.send(topic, [b"y"] * sent, partition=0)
            async with running(app):
                await eventually(lambda: counts["words"] >= before + sent and rows >= sent)
                assert (counts["words"], rows) == (before + sent, sent)
                await asyncio.sleep(0.6)

    async def prepare() -> None:
        await make_topics(kafka_server, 2, topic, other)

    asyncio.run(prepare())
    asyncio.run(run(300, 0))
    asyncio.run(run(200, 300))


def test_one_agent_cannot_read_batches_and_records(
    kafka_server: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    group, topic, other = names

    async def run() -> None:
        app = make_app(kafka_server, group, tmp_path, BatchOptions(topics=frozenset({topic})))
        with pytest.raises(ValueError, match="own agent"):
            app.topic(topic, other)

    asyncio.run(run())


def test_a_manual_topic_keeps_its_agents_offset_and_metadata_over_a_restart(
    kafka_server: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    group, topic, _ = names
    options = BatchOptions(topics=frozenset({topic}), manual=frozenset({topic}))

    async def run() -> list[int]:
        app = make_app(kafka_server, group, tmp_path, options)
        firsts: list[int] = []
        restored: list[str] = []
        app.ledger.on_assigned(
            topic,
            lambda found: restored.extend(
                item.committed.metadata for item in found.values() if item.committed
            ),
        )

        @app.agent(app.topic(topic))  # type: ignore[untyped-decorator]
        async def read(stream: Any) -> None:
            stream.enable_acks = False
            async for event in stream.events():
                firsts.append(event.value.first_offset)
                delivery = event.message.delivery
                app.ledger.commit_to(delivery.partition, delivery.epoch, Commit(40, "windows"))
                event.ack()

        async with running(app):
            await eventually(lambda: bool(firsts))
            await asyncio.sleep(0.3)
        if restored:
            assert restored == ["windows"]
        return firsts

    async def prepare() -> None:
        await make_topics(kafka_server, 1, topic)
        async with open_producer(kafka_server) as producer:
            await producer.send(topic, [b"x"] * 100)

    asyncio.run(prepare())
    assert asyncio.run(run())[0] == 0
    assert asyncio.run(run())[0] == 40


@contextmanager
def reader(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with Path(arguments[-1]).with_suffix(".log").open("ab") as log:
        process = subprocess.Popen([sys.executable, str(READER), *arguments], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def read_journal(path: Path) -> list[tuple[str, int, int, int, int]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [(word, *map(int, rest)) for word, *rest in (line.split() for line in lines)]  # type: ignore[misc]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_in_seconds_and_only_what_was_in_flight_is_repeated(
    kafka_server: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    group, topic, _ = names
    journals = [tmp_path / "first", tmp_path / "second"]
    sent = 0

    async def run() -> None:
        nonlocal sent
        await make_topics(kafka_server, 4, topic)

        async def feed(producer: BatchProducer, seconds: float) -> None:
            nonlocal sent
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                for number in range(4):
                    await producer.send(topic, [b"x" * 50] * 100, partition=number)
                    sent += 100
                await asyncio.sleep(0.05)

        def partitions(journal: Path, since: float) -> set[int]:
            return {
                number for word, number, _, _, at in read_journal(journal) if word == "done" and at > since
            }

        with reader(kafka_server, group, topic, str(journals[0])) as first:
            with reader(kafka_server, group, topic, str(journals[1])) as second:
                async with open_producer(kafka_server) as producer:
                    await feed(producer, 1)
                    for _ in range(30):
                        await feed(producer, 1)
                        since = (time.time() - 0.9) * 1000
                        shares = [partitions(journal, since) for journal in journals]
                        if all(len(share) == 2 for share in shares) and len(shares[0] | shares[1]) == 4:
                            break
                    else:
                        pytest.fail(f"the workers do not share the partitions: {shares}")
                    killed_at = time.time() * 1000
                    second.send_signal(signal.SIGKILL)
                    lost = shares[1]
                    await feed(producer, 12)
                    await eventually(lambda: lost <= partitions(journals[0], killed_at), 20)
                    total = sent // 4
                    await eventually(lambda: is_complete(journals, total), 20)
            first.send_signal(signal.SIGTERM)
            assert first.wait(10) == 0
        resumed = min(
            at
            for word, number, _, _, at in read_journal(journals[0])
            if number in lost and at > killed_at and word == "done"
        )
        assert resumed - killed_at < 12_000, "six seconds of session time-out, and a few"

    asyncio.run(run())
    done = [entry for journal in journals for entry in read_journal(journal) if entry[0] == "done"]
    times_done = Counter(
        (number, offset) for _, number, first, end, _ in done for offset in range(first, end)
    )
    assert len(times_done) == sent
    repeated = Counter(number for (number, _), count in times_done.items() if count > 1)
    # Three batches of 500 in flight, and what was done within a commit interval and a rebalance's few.
    assert max(repeated.values(), default=0) <= 5 * 500
    print(f"repeated {sum(repeated.values())} of {sent} records")


def is_complete(journals: list[Path], total: int) -> bool:
    ends: Counter[int] = Counter()
    for journal in journals:
        for word, number, _, end, _ in read_journal(journal):
            if word == "done":
                ends[number] = max(ends[number], end)
    return len(ends) == 4 and all(end >= total for end in ends.values())

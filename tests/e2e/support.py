"""A pipeline of its own on shared servers: topics, group, namespace, and the real commands that work on them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from tests.e2e.support_lines import Burst, Line

ROOT = Path(__file__).resolve().parents[2]
TOPICS = ("raw", "events", "signals", "bursts", "dead")
PARTITIONS = 4
# For what takes seconds on a quiet machine.
PATIENCE = 200.0
UNAVAILABLE = 503
RUNS = "The worker runs"
# -P: as for the installed command, the working directory is not on the path.
TAILRACE = (sys.executable, "-P", "-m", "pipeline")

Found = TypeVar("Found")


@dataclass(slots=True)
class Worker:
    """A running command whose output goes to `log`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")

    def is_running(self) -> bool:
        """Whether it has said that it runs; one that has ended instead is a failure."""
        assert self.process.poll() is None, self.read_log()[-3000:]
        return RUNS in self.read_log()

    def kill(self) -> None:
        """`kill -9`: nothing is drained, nothing committed."""
        self.process.kill()
        self.process.wait()

    def stop(self, within: float = PATIENCE) -> float:
        """SIGTERM; the seconds until the end, whose exit code must be 0."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(within)
        assert code == 0, f"exit code {code}:\n{self.read_log()[-3000:]}"
        return time.monotonic() - began


@dataclass(slots=True)
class Pipeline:
    """See the module. `folder` holds tailrace.yml and the logs of the workers."""

    kafka: str
    elasticsearch: str
    folder: Path
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    group: str = field(init=False)
    workers: list[Worker] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(7))

    def __post_init__(self) -> None:
        self.group = f"e2e-{self.name}"

    @property
    def namespace(self) -> str:
        return f"e2e{self.name}"

    @property
    def bursts_index(self) -> str:
        return f"tailrace-bursts-{self.name}"

    @property
    def streams(self) -> str:
        return f"logs-*-{self.namespace}"

    def topic(self, kind: str) -> str:
        return f"e2e-{self.name}.{kind}"

    # The real commands.

    def write_settings(
        self, changes: Mapping[str, Mapping[str, object]] | None = None, **top: object
    ) -> None:
        """Write tailrace.yml: what these tests need, and `changes` of sections over it."""
        settings: dict[str, Any] = {
            "kafka": {
                "bootstrap_servers": [self.kafka],
                "topics": {kind: self.topic(kind) for kind in TOPICS},
                "partitions": PARTITIONS,
            },
            "elasticsearch": {
                "hosts": [self.elasticsearch],
                "bursts_index": self.bursts_index,
                "replicas": 0,
            },
            **top,
        }
        for section, values in (changes or {}).items():
            settings.setdefault(section, {}).update(values)
        (self.folder / "tailrace.yml").write_text(yaml.safe_dump(settings))

    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")}
        return {
            **clean,
            "PYTHONPATH": str(ROOT),
            "TAILRACE_KAFKA_GROUP": self.group,
            "TAILRACE_ELASTICSEARCH_NAMESPACE": self.namespace,
        }

    def run(self, *arguments: str) -> str:
        """Run `tailrace …` to its end, which must be a good one; its standard output."""
        done = subprocess.run(
            [*TAILRACE, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()

    def set_up(self) -> str:
        """`tailrace setup`."""
        return self.run("setup", "--config", "tailrace.yml")

    def start(self, *options: str, wait: bool = True, command: Sequence[str] = ()) -> Worker:
        """Start `tailrace worker` (or `command`) and, unless told not to, wait until it says that it runs."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*(command or (*TAILRACE, "worker", "--config", "tailrace.yml")), *options],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        worker = Worker(process, log)
        self.workers.append(worker)
        if wait:
            self.until(worker.is_running, "the worker runs")
        return worker

    # Kafka, by other code than ours.

    def send(self, lines: Sequence[Line], topic: str = "", partition: int | None = None) -> None:
        """Send records without a key, as Filebeat does: each to any partition; acknowledged on return."""
        records = [
            (line.value, line.time, self.random.randrange(PARTITIONS) if partition is None else partition)
            for line in lines
        ]
        asyncio.run(_send(self.kafka, topic or self.topic("raw"), records))

    def read(self, kind: str) -> list[tuple[bytes | None, bytes]]:
        """Key and value of all records in a topic."""
        return asyncio.run(_read(self.kafka, self.topic(kind)))

    def members(self) -> int:
        """How many members the consumer group has while nothing is being rebalanced; else 0."""
        return asyncio.run(_count_members(self.kafka, self.group))

    def shares(self, kind: str) -> list[int]:
        """How many partitions of a topic each member of the group has."""
        return asyncio.run(_find_shares(self.kafka, self.group, self.topic(kind)))

    def lag(self, kind: str) -> int:
        """How many records of a topic the group has not committed."""
        return asyncio.run(_find_lag(self.kafka, self.group, self.topic(kind)))

    # Elasticsearch, by other code than ours.

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        return ask(f"{self.elasticsearch}/{path}", body, method)

    def count(self) -> int:
        """How many documents there are."""
        self.ask(f"{self.streams}/_refresh", method="POST")
        counted: int = self.ask(f"{self.streams}/_count")["count"]
        return counted

    def hits(self) -> list[dict[str, Any]]:
        """All documents, as hits with `_id`, `_index` and `_source`."""
        return list(_scroll(self.elasticsearch, self.streams))

    def bursts(self) -> list[Burst]:
        """The bursts in their index."""
        self.ask(f"{self.bursts_index}/_refresh", method="POST")
        return sorted(to_burst(hit["_source"]) for hit in _scroll(self.elasticsearch, self.bursts_index))

    # Waiting and judging.

    def until(self, is_so: Callable[[], Found], what: str, patience: float = PATIENCE) -> Found:
        """Poll until something is so; fails with the workers' last words after `patience` seconds."""
        end = time.monotonic() + patience
        while True:
            try:
                found = is_so()
            except urllib.error.HTTPError as error:
                if error.code != UNAVAILABLE or time.monotonic() > end:
                    raise
                found = None  # a data stream that was made a moment ago has no shard that answers yet
            if found:
                return found
            if time.monotonic() > end:
                logs = "".join(f"\n--- {worker.log}\n{worker.read_log()[-2500:]}" for worker in self.workers)
                pytest.fail(f"after {patience:g} s it is not so: {what}{logs}")
            time.sleep(0.2)

    def wait_for(self, lines: Sequence[Line], patience: float = PATIENCE) -> None:
        """Wait until there are as many documents as distinct lines, and nothing is left to do that could add one."""
        wanted = len(set(lines))
        self.until(lambda: self.count() >= wanted, f"{wanted} documents", patience)
        self.until(lambda: not any(self.lag(kind) for kind in ("raw", "events")), "all is committed")

    def wait_for_bursts(self, bursts: Sequence[Burst], patience: float = PATIENCE) -> None:
        """Wait until there are as many bursts."""
        self.until(lambda: len(self.bursts()) >= len(bursts), f"the bursts {bursts}", patience)

    def judge(self, lines: Sequence[Line]) -> list[dict[str, Any]]:
        """Every distinct line is exactly one document with its origin, nothing else is there; the hits."""
        hits = self.hits()
        issued = {line.obligation for line in lines}
        found = Counter(to_obligation(hit["_source"]) for hit in hits)
        assert found.keys() - issued == set(), "documents of lines that were not sent"
        assert issued - found.keys() == set(), "lines without a document"
        assert [(line, count) for line, count in found.items() if count > 1] == []
        assert len({hit["_id"] for hit in hits}) == len(issued)
        return hits

    def clean_up(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        asyncio.run(_delete_topics(self.kafka, f"e2e-{self.name}"))
        for path in (
            f"_data_stream/{self.streams}",
            self.bursts_index,
            f"_index_template/{self.bursts_index}",
            f"_index_template/tailrace-logs-{self.namespace}",
        ):
            with contextlib.suppress(urllib.error.HTTPError):
                self.ask(path, method="DELETE")


def to_obligation(source: Mapping[str, Any]) -> tuple[str, str | None, str | None, int | None]:
    """What a document says of its line's origin, as `Line.obligation`."""
    log = source.get("log", {})
    return (
        source["event"].get("original", ""),
        source.get("host", {}).get("name"),
        log.get("file", {}).get("path"),
        log.get("offset"),
    )


def to_burst(source: Mapping[str, Any]) -> Burst:
    """A burst's document in short."""
    return Burst(
        int(datetime.fromisoformat(source["@timestamp"]).timestamp() * 1000),
        source["rule"]["name"],
        source["event"]["dataset"],
        source.get("host", {}).get("name"),
        source["tailrace"]["burst"]["count"],
    )


def ask(url: str, body: object = None, method: str | None = None) -> Any:
    """A request to Elasticsearch; HTTPError for an answer of 4xx or 5xx."""
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            error.add_note(error.read().decode(errors="replace")[:500])
        raise


def _scroll(server: str, target: str) -> Iterator[dict[str, Any]]:
    body = {"size": 5000, "sort": ["_doc"]}
    page = ask(f"{server}/{target}/_search?scroll=1m", body)
    while page["hits"]["hits"]:
        yield from page["hits"]["hits"]
        page = ask(f"{server}/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
    ask(f"{server}/_search/scroll", {"scroll_id": page["_scroll_id"]}, "DELETE")


async def _send(server: str, topic: str, records: Sequence[tuple[bytes, int, int]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server, linger_ms=20) as producer:
        sent = [
            await producer.send(topic, value, partition=partition, timestamp_ms=moment)
            for value, moment, partition in records
        ]
        await asyncio.gather(*sent)


async def _read(server: str, topic: str) -> list[tuple[bytes | None, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=server, max_partition_fetch_bytes=8_000_000)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[tuple[bytes | None, bytes]] = []
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += [(record.key, record.value) for record in batch]
        return found
    finally:
        await consumer.stop()


async def _count_members(server: str, group: str) -> int:
    async def count(admin: Any) -> int:
        (answer,) = await admin.describe_consumer_groups([group])
        (described,) = answer.groups
        return len(described[5]) if described[2] == "Stable" else 0

    return await _administer(server, count)


async def _find_shares(server: str, group: str, topic: str) -> list[int]:
    async def find(admin: Any) -> list[int]:
        (answer,) = await admin.describe_consumer_groups([group])
        (described,) = answer.groups
        assigned = [ConsumerProtocolMemberAssignment.decode(member[4]) for member in described[5]]
        return [sum(len(numbers) for name, numbers in each.assignment if name == topic) for each in assigned]

    return await _administer(server, find)


async def _find_lag(server: str, group: str, topic: str) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=server)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
    finally:
        await consumer.stop()

    async def find(admin: Any) -> int:
        committed = await admin.list_consumer_group_offsets(group)
        done = {partition: found.offset for partition, found in committed.items()}
        return sum(end - max(done.get(partition, 0), 0) for partition, end in ends.items())

    return await _administer(server, find)


async def _delete_topics(server: str, prefix: str) -> None:
    async def delete(admin: Any) -> None:
        await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefix)])

    with contextlib.suppress(KafkaError):
        await _administer(server, delete)


async def _administer(server: str, work: Callable[[Any], Awaitable[Found]]) -> Found:
    admin = AIOKafkaAdminClient(bootstrap_servers=server)
    await admin.start()
    try:
        return await work(admin)
    finally:
        await admin.close()

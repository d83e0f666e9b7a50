"""Contenders from topic to topic; the topics are filled and read outside of the measured process."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from bench.contender import ENVIRONMENT
from bench.peers.commands import HOME, OUTPUT
from bench.peers.documents import read_json_lines
from bench.peers.port import Fields, Job, Measurement, PeerError, Variant
from bench.peers.process import run_process
from bench.peers.venvs import find_missing_environment, locate_environment
from bench.topics import (
    count_records,
    delete_topics,
    filled_topic,
    list_names,
    name_topics,
    read_values,
    to_names,
)
from tests.servers import Unavailable

ROOT = HOME.parents[1]
_BLOCK = 50_000
_ASK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Topics:
    """What a run of a contender reads and writes, and how many records."""

    server: str
    source: str
    target: str
    count: int


@dataclass(frozen=True, slots=True)
class TopicPeer:
    """A tool between two topics; the fields are those of `CommandPeer` where they have the same name.

    `settings`: its environment; `encode`: the record of a line.
    """

    tool: str
    name: str
    server: Callable[[], str]
    missing: Callable[[], str | None]
    command: Callable[[Topics], list[str]]
    settings: Callable[[Topics], Mapping[str, str]]
    share: float
    ends: bool = True
    encode: Callable[[bytes], bytes] = bytes
    names: Mapping[str, str] = field(default_factory=dict)
    variant: Variant = Variant.KAFKA
    goal: float | None = None

    def find_missing(self) -> str | None:
        """The tool, or Kafka."""
        return self.missing() or _find_missing_server(self.server)

    def run(self, job: Job) -> Measurement:
        """Run the tool until all documents are in the topic."""
        server = self.server()
        blocks = _read_blocks(job.lines, self.encode)
        # An empty topic is filled by the tool.
        with filled_topic(server, blocks) as source, filled_topic(server, []) as target:
            topics = Topics(server, source, target, job.count)
            measurement = run_process(
                self.command(topics),
                job.folder,
                job.core,
                environment=self.settings(topics),
                is_complete=None if self.ends else _build_question(topics),
            )
            _save(self.name, server, target, job)
        return measurement

    def read(self, job: Job) -> Iterator[Fields]:
        """The documents of the topic."""
        return read_json_lines(job.folder / OUTPUT, self.names)


@dataclass(frozen=True, slots=True)
class WorkerPeer:
    """Tailrace's worker with the agents `parse` and `burst`, as `bench.kafka` measures it."""

    server: Callable[[], str]
    tool: str = "Tailrace"
    name: str = "Tailrace worker, all rules and bursts"
    variant: Variant = Variant.KAFKA
    share: float = 1.0
    goal: float | None = None

    def find_missing(self) -> str | None:
        """Kafka."""
        return _find_missing_server(self.server)

    def run(self, job: Job) -> Measurement:
        """Run the agents until all documents are acknowledged."""
        server = self.server()
        with filled_topic(server, _read_blocks(job.lines, bytes)) as source:
            topics = replace(name_topics(), raw=source)
            arguments = {"server": server, "topics": to_names(topics), "records": job.count}
            command = [sys.executable, "-m", "bench.peers.run_worker", json.dumps(arguments)]
            environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
            try:
                measurement = run_process(command, job.folder, job.core, environment=environment)
                _save(self.name, server, topics.events, job)
            finally:
                delete_topics(server, [name for name in list_names(topics) if name != source])
        return measurement

    def read(self, job: Job) -> Iterator[Fields]:
        """The documents of the topic of events."""
        return read_json_lines(job.folder / OUTPUT)


def list_topic_peers(server: Callable[[], str]) -> list[TopicPeer]:
    """Those that PyPI has."""
    return [
        TopicPeer(
            "Quix Streams",
            "Quix Streams 3.28.1, regex and json",
            server,
            lambda: find_missing_environment("quix"),
            lambda topics: [
                str(locate_environment("quix") / "bin" / "python"),
                *("-m", "bench.peers.quix.app"),
                *(topics.server, topics.source, topics.target, str(topics.count)),
            ],
            lambda topics: {"PYTHONPATH": str(ROOT)},
            share=0.25,
        ),
        TopicPeer(
            "Logprep",
            "Logprep 21.1.0, dissector and timestamper",
            server,
            lambda: find_missing_environment("logprep"),
            lambda topics: [
                str(locate_environment("logprep") / "bin" / "logprep"),
                *("run", str(HOME / "logprep" / "kafka.yml")),
            ],
            lambda topics: {
                "LOGPREP_PEER_SERVER": topics.server,
                "LOGPREP_PEER_SOURCE": topics.source,
                "LOGPREP_PEER_TARGET": topics.target,
                "LOGPREP_PEER_GROUP": f"logprep-{uuid4()}",
            },
            share=0.2,
            ends=False,
            encode=lambda line: json.dumps({"message": line.decode()}).encode(),
            names={"event.original": "message"},
        ),
    ]


def _find_missing_server(server: Callable[[], str]) -> str | None:
    try:
        server()
    except Unavailable as reasons:
        return f"no Kafka: {reasons}"
    return None


def _read_blocks(path: Path, encode: Callable[[bytes], bytes]) -> Iterator[list[bytes]]:
    lines = path.read_bytes().splitlines()
    for start in range(0, len(lines), _BLOCK):
        yield [encode(line) for line in lines[start : start + _BLOCK]]


def _build_question(topics: Topics) -> Callable[[], bool]:
    """A function that asks the broker now and then whether all documents are there."""
    asked = 0.0

    def is_complete() -> bool:
        nonlocal asked
        if time.monotonic() - asked < _ASK_SECONDS:
            return False
        asked = time.monotonic()
        return count_records(topics.server, topics.target) >= topics.count

    return is_complete


def _save(name: str, server: str, topic: str, job: Job) -> None:
    written = count_records(server, topic)
    if written != job.count:
        raise PeerError(f"{name}: {written} documents of {job.count} lines")
    if job.keep:
        values = [value for _, value in read_values(server, topic, job.count)]
        (job.folder / OUTPUT).write_bytes(b"\n".join(values) + b"\n")

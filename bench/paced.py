"""A worker that gets lines at half of the speed at which it can take them, and when each became safe."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from bench.contender import ContenderError, Stopwatch
from bench.elasticsearch import build_own_settings
from bench.kafka import FirstEvent
from bench.report import Sample
from bench.topics import PARTITIONS, count_records
from pipeline.allocators import settle_objects
from pipeline.app import TailraceApp, build_app
from pipeline.kafka.ledger import Delivery
from pipeline.settings import Settings

# The offset after a batch of a partition, and when (epoch seconds) it was released.
Release: TypeAlias = tuple[int, float]


def pace_worker(
    kafka: str,
    elasticsearch: str,
    topics: dict[str, str],
    namespace: str,
    stages: list[str],
    backlog: int,
    seconds: float,
    releases: str,
) -> Sample:
    """Contender: the agents, on a backlog and then at half of the speed at which they took it.

    `details`: `full` lines a second on the backlog, `began`: when half load began (epoch ms). The file `releases` gets
    what was released of the topic of the last stage.
    """
    settings = build_own_settings(kafka, elasticsearch, topics, namespace)
    sample, found = asyncio.run(_pace(settings, tuple(stages), backlog, seconds))
    Path(releases).write_text(json.dumps(found))
    return sample


async def _pace(
    settings: Settings, stages: tuple[str, ...], backlog: int, seconds: float
) -> tuple[Sample, list[list[Release]]]:
    server, topic = settings.kafka.bootstrap_servers[0], choose_topic(settings, stages)
    watch = Stopwatch()
    releases: list[list[Release]] = [[] for _ in range(PARTITIONS)]
    app: TailraceApp = build_app(settings, stages, datadir=tempfile.mkdtemp(prefix="tailrace-bench-"))
    settle_objects()  # as a worker does
    app.sensors.add(FirstEvent(watch))
    _note_releases(app, topic, releases)
    starting = asyncio.ensure_future(app.start())
    await _wait_for(releases, backlog)
    watch.stop()
    await starting
    full = backlog / watch.seconds
    command = [
        sys.executable,
        "-m",
        "bench.pacer",
        server,
        settings.kafka.topics.raw,
        str(full / 2),
        str(seconds),
    ]
    began, cpu = time.time(), time.process_time()
    pacer = await asyncio.create_subprocess_exec(*command)
    if await pacer.wait():
        raise ContenderError("the lines could not be sent")
    total = await asyncio.to_thread(count_records, server, settings.kafka.topics.raw)
    await _wait_for(releases, total)
    sample = Sample(
        total - backlog,
        time.time() - began,
        time.process_time() - cpu,
        details={"full": full, "began": began * 1000},
    )
    await app.stop()
    return sample, [sorted(found) for found in releases]


def choose_topic(settings: Settings, stages: Sequence[str]) -> str:
    """Whose release ends a line's time: that of its document if there is a stage for it, else that of the raw line."""
    return settings.kafka.topics.events if "index" in stages else settings.kafka.topics.raw


def _note_releases(app: TailraceApp, topic: str, releases: list[list[Release]]) -> None:
    release = app.ledger.release

    def noted(delivery: Delivery) -> None:
        release(delivery)
        if delivery.partition.topic == topic:
            releases[delivery.partition.partition].append((delivery.batch.next_offset, time.time()))

    app.ledger.release = noted  # type: ignore[method-assign]


async def _wait_for(releases: list[list[Release]], records: int) -> None:
    while sum(max(found)[0] for found in releases if found) < records:
        await asyncio.sleep(0.02)

"""Kafka to Kafka: raw lines in, documents acknowledged in the topic of events, by the worker's own agents."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import faust

from bench.contender import Contender, Stopwatch, run, tell
from bench.lines import make_mixed, repeat, to_envelope
from bench.options import Options
from bench.report import Row, Sample, at_least, at_most, compare, scale, to_row
from bench.topics import (
    PARTITIONS,
    count_records,
    delete_topics,
    filled_topic,
    list_names,
    name_topics,
    to_names,
)
from bench.transport import STOCK_SHARE
from pipeline.allocators import settle_objects
from pipeline.app import TailraceApp, build_app
from pipeline.settings import KafkaSettings, Settings, TopicSettings
from pipeline.setup import set_up_topics

PART = "kafka"
RECORDS = 1_000_000
QUICK = 150_000
VARIETY = 200_000
GOAL = 8
RATE, PACKED_RATE = 120_000, 90_000
BURST_COST = 1.1
STAGES = ("parse", "burst")


def build_settings(server: str, topics: TopicSettings, **more: Any) -> Settings:
    """Settings of a worker with topics and a group of its own."""
    kafka = KafkaSettings(
        bootstrap_servers=(server,), group=f"bench-{uuid4().hex[:12]}", topics=topics, partitions=PARTITIONS
    )
    return replace(Settings(kafka=kafka), **more)


class FirstEvent(faust.Sensor):  # type: ignore[misc]  # Faust has no types
    """Starts the clock when an agent gets its first batch."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self._watch = watch

    def on_stream_event_in(self, *_arguments: Any) -> None:
        """Faust calls this for every batch that an agent takes."""
        self._watch.start()


async def run_app(settings: Settings, stages: tuple[str, ...], source: str, records: int) -> Stopwatch:
    """Run the agents from the first batch until all that came of `records` records of `source` is acknowledged."""
    watch, done = Stopwatch(), asyncio.Event()
    app: TailraceApp = build_app(settings, stages, datadir=tempfile.mkdtemp(prefix="tailrace-bench-"))
    settle_objects()  # as a worker does
    app.sensors.add(FirstEvent(watch))
    partitions = [app.to_partition(source, number) for number in range(PARTITIONS)]

    def look() -> None:
        read = sum(app.ledger.position(partition) or 0 for partition in partitions)
        if read >= records and not any(map(app.ledger.in_flight, partitions)) and not done.is_set():
            watch.stop()
            done.set()

    app.ledger.on_credit(look)
    starting = asyncio.ensure_future(app.start())
    await done.wait()
    await starting
    if "burst" in stages:
        await _wait_for_signals(app, settings)
        watch.stop()
    await app.stop()
    return watch


async def _wait_for_signals(app: TailraceApp, settings: Settings) -> None:
    """Return when all signals that are there now have been counted."""
    server, topic = settings.kafka.bootstrap_servers[0], settings.kafka.topics.signals
    written = await asyncio.to_thread(count_records, server, topic)
    partitions = [app.to_partition(topic, number) for number in range(PARTITIONS)]
    while sum(app.ledger.position(partition) or 0 for partition in partitions) < written or any(
        map(app.ledger.in_flight, partitions)
    ):
        await asyncio.sleep(0.01)


def parse_topic(server: str, topics: dict[str, str], records: int, stages: Sequence[str] = STAGES) -> Sample:
    """Contender: the agents parse and burst, from the first raw batch to the last acknowledged document and signal."""

    async def work() -> Stopwatch:
        settings = build_settings(server, TopicSettings(**topics))
        await set_up_topics(settings.kafka)
        return await run_app(settings, tuple(stages), settings.kafka.topics.raw, records)

    watch = asyncio.run(work())
    written = count_records(server, topics["events"])
    if written != records:
        raise RuntimeError(f"{written} documents of {records} lines")
    return watch.to_sample(records)


def run_parse(name: str, server: str, raw: str, records: int, stages: Sequence[str] = STAGES) -> Sample:
    """One run on the lines of the topic `raw`, with topics behind it that are deleted afterwards."""
    topics = replace(name_topics(), raw=raw)
    arguments = {"server": server, "topics": to_names(topics), "records": records, "stages": stages}
    try:
        return run(Contender(name, "bench.kafka:parse_topic", arguments, is_worker=True))
    finally:
        delete_topics(server, [found for found in list_names(topics) if found != raw])


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    records = options.choose(RECORDS, QUICK)
    server = options.kafka()
    lines = make_mixed(min(VARIETY, records))
    bare = [line.encode() for line in lines]
    packed = [to_envelope(line, number) for number, line in enumerate(lines)]
    samples: dict[str, list[Sample]] = {}
    with (
        filled_topic(server, repeat(bare, records)) as raw,
        filled_topic(server, repeat(packed, records)) as envelopes,
    ):
        stock = {"server": server, "topic": raw, "records": max(records // STOCK_SHARE, 10_000)}
        bare_read = {"server": server, "topic": raw, "records": records}
        for number in range(options.rounds):
            found = {
                "bare aiokafka getmany": run(Contender("getmany", "bench.topics:read_bare", bare_read)),
                "stock Faust, empty agent": run(Contender("stock", "bench.transport:read_stock", stock)),
                "worker, bare lines to documents": run_parse("worker", server, raw, records),
                "worker, Filebeat envelopes to documents": run_parse("worker", server, envelopes, records),
                "worker, bare lines, without the burst stage": run_parse(
                    "worker", server, raw, records, STAGES[:1]
                ),
            }
            for name, sample in found.items():
                samples.setdefault(name, []).append(sample)
                tell(f"round {number + 1} of {options.rounds}: {name}: {sample.rate:,.0f}/s")
    getmany, empty, ours, ours_packed, alone = samples.values()
    burst = [own.cpu / other.cpu for own, other in zip(ours, alone, strict=True)]
    return [
        *(to_row(PART, name, sample) for name, sample in samples.items()),
        at_least(PART, "bare lines to documents", [sample.rate for sample in ours], "a second", RATE),
        at_least(
            PART, "envelopes to documents", [sample.rate for sample in ours_packed], "a second", PACKED_RATE
        ),
        scale(PART, "bare lines to documents", ours, getmany, RATE),
        scale(PART, "envelopes to documents", ours_packed, getmany, PACKED_RATE),
        at_most(PART, "with the burst stage / without it, by CPU", burst, "x", BURST_COST),
        *compare(PART, "lines to documents / stock empty agent", ours, empty, GOAL),
        *compare(PART, "envelopes to documents / stock empty agent", ours_packed, empty, GOAL),
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

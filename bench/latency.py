"""How long a line takes at half load: from the moment that Kafka has it until its document is acknowledged.

The broker stamps raw lines (`LogAppendTime`); a document counts when the agents count it as safe, which is when Kafka,
or Elasticsearch, has answered for it. Every line counts once, and all is on the one clock of the machine. The worker
first works off a backlog, parsing and writing at once: half of that speed is half load.
"""

import asyncio
import json
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from bench.contender import Contender, run, tell
from bench.elasticsearch import build_own_settings, own_namespace
from bench.lines import make_mixed
from bench.options import Options
from bench.paced import Release, choose_topic
from bench.report import Row, Sample, at_most
from bench.topics import (
    administer,
    delete_topics,
    list_names,
    name_topics,
    read_records,
    send_lines,
    to_names,
)
from pipeline.settings import Settings
from pipeline.setup import set_up_topics

PART = "latency"
SECONDS = 30
QUICK = 10
WARM_UP = 2.0
# The backlog of each target: long enough that a cold start, which would make half load too easy, is little of it. After
# the large one the index agent no longer looks for what another worker may have written, as it does after a start.
BACKLOG = {"Kafka": 600_000, "Elasticsearch": 700_000}
QUICK_BACKLOG = {"Kafka": 300_000, "Elasticsearch": 200_000}
VARIETY = 50_000
# Each block goes to one partition or another.
_BLOCK = 2_000
LIMITS = {"p50": 100.0, "p99": 500.0}
STAGES = {"Kafka": ("parse", "burst"), "Elasticsearch": ("parse", "burst", "index")}

# A raw partition and an offset in it.
Place: TypeAlias = tuple[int, int]
Floats: TypeAlias = npt.NDArray[np.float64]


async def read_latencies(
    settings: Settings, topic: str, releases: list[list[Release]], began: float
) -> tuple[Floats, float]:
    """Of the lines that Kafka got after a moment (epoch ms): how long each took but the first, and lines a second."""
    server = settings.kafka.bootstrap_servers[0]
    written = {
        (number, offset): stamp
        async for number, offset, stamp, _ in read_records(server, settings.kafka.topics.raw)
        if stamp > began
    }
    first, last = min(written.values()), max(written.values())
    documents = [(place, *place) for place in written]
    if topic != settings.kafka.topics.raw:
        old = [max((end for end, at in ends if at * 1000 <= began), default=0) for ends in releases]
        documents = [
            (_find_origin(value), number, offset)
            async for number, offset, _, value in read_records(server, topic)
            if offset >= old[number]
        ]
    latencies = find_latencies(written, documents, releases, first + WARM_UP * 1000)
    return latencies, 1000 * len(written) / (last - first)


def find_latencies(
    written: Mapping[Place, int],
    documents: Iterable[tuple[Place, int, int]],
    releases: Sequence[Sequence[Release]],
    after: float,
) -> Floats:
    """Milliseconds from a line's time (epoch ms, by its raw partition and offset) to its release.

    `documents`: each line's place, and the partition and offset of what it became; `releases`: for each partition the
    offsets after batches, and the moments (epoch seconds) of their release, in order.
    """
    return np.array(
        [
            _find_release(releases[number], offset) * 1000 - written[place]
            for place, number, offset in documents
            if written[place] > after
        ]
    )


def _find_origin(document: bytes) -> Place:
    """The raw partition and offset of a document."""
    origin = json.loads(document)["kafka"]
    return origin["partition"], origin["offset"]


def _find_release(ends: Sequence[Release], offset: int) -> float:
    return ends[bisect_right(ends, offset, key=lambda end: end[0])][1]


@contextmanager
def prepared(settings: Settings, elasticsearch: str | None, backlog: int) -> Iterator[None]:
    """Topics, of which the raw one has the broker's time and holds the backlog; all deleted afterwards."""
    server, topics = settings.kafka.bootstrap_servers[0], settings.kafka.topics

    def fill() -> None:
        change = ConfigResource(
            ConfigResourceType.TOPIC, topics.raw, {"message.timestamp.type": "LogAppendTime"}
        )
        asyncio.run(administer(server, lambda admin: admin.alter_configs([change])))
        lines = [line.encode() for line in make_mixed(VARIETY)]
        send_lines(server, topics.raw, lines, backlog, _BLOCK)

    if elasticsearch is not None:
        with own_namespace(settings, elasticsearch):
            fill()
            yield
        return
    try:
        asyncio.run(set_up_topics(settings.kafka))
        fill()
        yield
    finally:
        delete_topics(server, list_names(topics))


def run_paced(options: Options, target: str) -> Sample:
    """One run on topics and data streams of its own."""
    kafka = options.kafka()
    elasticsearch = options.elasticsearch() if "index" in STAGES[target] else None
    arguments: dict[str, Any] = {
        "kafka": kafka,
        "elasticsearch": elasticsearch or "http://127.0.0.1:1",
        "topics": to_names(name_topics()),
        "namespace": f"bench{uuid4().hex[:8]}",
    }
    settings = build_own_settings(**arguments)
    backlog = options.choose(BACKLOG[target], QUICK_BACKLOG[target])
    releases = options.folder / "releases.json"
    more = {
        "stages": STAGES[target],
        "backlog": backlog,
        "seconds": QUICK if options.quick else SECONDS,
        "releases": str(releases),
    }
    with prepared(settings, elasticsearch, backlog):
        sample = run(Contender(target, "bench.paced:pace_worker", {**arguments, **more}, is_worker=True))
        found = [[(offset, moment) for offset, moment in ends] for ends in json.loads(releases.read_text())]
        topic = choose_topic(settings, STAGES[target])
        latencies, rate = asyncio.run(read_latencies(settings, topic, found, sample.details["began"]))
    p50, p99 = np.percentile(latencies, (50, 99))
    details = {
        "full": sample.details["full"],
        "rate": rate,
        "CPU us a line": 1e6 * sample.cpu / sample.count,
        "p50": p50,
        "p99": p99,
        "most": latencies.max(),
    }
    return replace(sample, details={name: float(value) for name, value in details.items()})


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    rounds = options.wanted_rounds or (1 if options.quick else 3)
    for number in range(rounds):
        for target in STAGES:
            samples[target].append(run_paced(options, target))
            figures = ", ".join(f"{name} {value:,.0f}" for name, value in samples[target][-1].details.items())
            tell(f"round {number + 1} of {rounds}: to {target}: {figures}")
    rows = []
    for target, found in samples.items():
        rate = sum(sample.details["rate"] for sample in found) / len(found)
        what = f"line in Kafka to document acknowledged by {target}, {rate:,.0f} lines a second"
        rows += [
            at_most(PART, f"{what}, {name}", [sample.details[name] for sample in found], "ms", most)
            for name, most in LIMITS.items()
        ]
    return rows


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

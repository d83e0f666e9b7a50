"""How long a line takes at half load: from the moment that Kafka has it until its document is acknowledged.

The broker stamps raw lines (`LogAppendTime`); a document counts when the agents count it as safe, which is when Kafka,
or Elasticsearch, has answered for it. The worker first works off a backlog: half of that speed is half load.
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
    send_values,
    to_names,
)
from pipeline.settings import Settings
from pipeline.setup import set_up_topics

PART = "latency"
SECONDS = 30
QUICK = 10
WARM_UP = 2.0
BACKLOG = 100_000
QUICK_BACKLOG = 40_000
# Each block goes to one partition or another.
_BLOCK = 2_000
LIMITS = {"p50": 100.0, "p99": 500.0}
STAGES = {"Kafka": ("parse", "burst"), "Elasticsearch": ("parse", "burst", "index")}

# A raw partition and an offset in it.
Place: TypeAlias = tuple[int, int]
Floats: TypeAlias = npt.NDArray[np.float64]


async def read_latencies(
    settings: Settings, topic: str, releases: list[list[Release]], after: float
) -> Floats:
    """For each line that Kafka got after a moment (epoch ms), from what the topics hold."""
    server = settings.kafka.bootstrap_servers[0]
    written = {
        (number, offset): stamp
        for number, found in (await read_records(server, settings.kafka.topics.raw)).items()
        for offset, stamp, _ in found
    }
    if topic == settings.kafka.topics.raw:
        return find_latencies(written, [(key, *key) for key in written], releases, after)
    return find_latencies(written, _list_origins(await read_records(server, topic)), releases, after)


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


def _list_origins(
    records: Mapping[int, list[tuple[int, int, bytes]]],
) -> Iterator[tuple[Place, int, int]]:
    """The raw partition and offset of each document, and its own."""
    for number, found in records.items():
        for offset, _, value in found:
            origin = json.loads(value)["kafka"]
            yield (origin["partition"], origin["offset"]), number, offset


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
        values = [line.encode() for line in make_mixed(backlog)]
        blocks = (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))
        send_values(server, topics.raw, (([b""] * len(block), block) for block in blocks))

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
    backlog = options.choose(BACKLOG, QUICK_BACKLOG)
    releases = options.folder / "releases.json"
    more = {
        "stages": STAGES[target],
        "backlog": backlog,
        "seconds": QUICK if options.quick else SECONDS,
        "releases": str(releases),
    }
    with prepared(settings, elasticsearch, backlog):
        sample = run(Contender(target, "bench.paced:pace_worker", {**arguments, **more}))
        found = [[(offset, moment) for offset, moment in ends] for ends in json.loads(releases.read_text())]
        after = sample.details["began"] + WARM_UP * 1000
        latencies = asyncio.run(
            read_latencies(settings, choose_topic(settings, STAGES[target]), found, after)
        )
    p50, p99 = np.percentile(latencies, (50, 99))
    details = {"rate": sample.details["rate"], "p50": p50, "p99": p99, "most": latencies.max()}
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

"""`tailrace worker --processes 2` beside one process, over the same backlog, until all documents are in Kafka.

One process gets one core, two get two. The broker runs on the same cores, so the clock tells less than two machines'
would: by CPU, two processes give twice what one gives if a line costs them as much as it costs one.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np

from bench.contender import ContenderError, tell
from bench.elasticsearch import build_own_settings
from bench.lines import make_mixed, repeat
from bench.memory import WORKER, running, write_config
from bench.options import Options
from bench.report import Row, Sample, at_least, place, to_row
from bench.topics import (
    count_records,
    delete_topics,
    list_names,
    name_topics,
    read_times,
    send_values,
    to_names,
)
from pipeline.settings import Settings
from pipeline.setup import set_up_topics

PART = "processes"
RECORDS = 1_000_000
QUICK = 100_000
VARIETY = 100_000
# So many go to one partition or another.
BLOCK = 5_000
COUNTS = (1, 2)
GOAL = 1.8
PATIENCE = 600.0
# The first and the last documents are left out: processes start one after the other, and end so.
EDGES = (5, 95)


def run_worker(settings: Settings, folder: Path, processes: int, records: int) -> Sample:
    """One worker on a backlog of `records` lines; its speed by the broker's clock, between two percentiles of them."""
    config, server, topic = (
        folder / "worker.yml",
        settings.kafka.bootstrap_servers[0],
        settings.kafka.topics.events,
    )
    write_config(settings, config)
    command = [*WORKER, str(config), "--stages", "parse,burst", "--processes", str(processes)]
    with running(command, folder / "worker.log", cores=processes) as worker:
        seen, spent, _ = _wait_for(records * EDGES[0] // 100, settings, worker)
        written, cpu, peak = _wait_for(records, settings, worker)
    first, last = map(float, np.percentile(asyncio.run(read_times(server, topic)), EDGES))
    count = round(records * (EDGES[1] - EDGES[0]) / 100)
    return Sample(count, max(last - first, 1) / 1000, (cpu - spent) / max(written - seen, 1) * count, peak)


def _wait_for(
    documents: int, settings: Settings, worker: "subprocess.Popen[bytes]"
) -> tuple[int, float, float]:
    """How many there are, as soon as there are so many, and what the worker has used: CPU seconds and resident MB."""
    server, topic = settings.kafka.bootstrap_servers[0], settings.kafka.topics.events
    deadline = time.monotonic() + PATIENCE
    while (found := count_records(server, topic)) < documents:
        if time.monotonic() > deadline or worker.poll() is not None:
            raise ContenderError(f"the worker did not write {documents:,} documents within {PATIENCE:.0f} s")
        time.sleep(0.2)
    return found, *read_tree(worker.pid)


def read_tree(number: int) -> tuple[float, float]:
    """CPU seconds and resident MB of a process and all that come from it, from /proc."""
    parents: dict[int, int] = {}
    cpu: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(path.parent.name)] = int(stat[1])
        cpu[int(path.parent.name)] = sum(map(int, stat[11:13])) / os.sysconf("SC_CLK_TCK")
    tree = [number]
    for found in tree:
        tree += [child for child, parent in parents.items() if parent == found]
    return sum(cpu[found] for found in tree), sum(map(_read_resident, tree))


def _read_resident(number: int) -> float:
    statm = Path(f"/proc/{number}/statm").read_text().split()
    return int(statm[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_once(options: Options, processes: int, records: int) -> Sample:
    """One run on topics of its own."""
    server, namespace = options.kafka(), f"bench{uuid4().hex[:8]}"
    settings = build_own_settings(server, "http://127.0.0.1:1", to_names(name_topics()), namespace)
    values = [line.encode() for line in make_mixed(min(VARIETY, records))]
    blocks = (part[at : at + BLOCK] for part in repeat(values, records) for at in range(0, len(part), BLOCK))
    try:
        asyncio.run(set_up_topics(settings.kafka))
        send_values(
            server,
            settings.kafka.topics.raw,
            (([b""] * len(block), block) for block in blocks),
        )
        return run_worker(settings, options.folder, processes, records)
    finally:
        delete_topics(server, list_names(settings.kafka.topics))


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if cores < max(COUNTS) or not Path("/proc/self/stat").exists():
        return [Row(PART, f"not measured: it takes {max(COUNTS)} cores, and /proc")]
    records = options.choose(RECORDS, QUICK)
    samples: dict[int, list[Sample]] = {count: [] for count in COUNTS}
    rounds = options.wanted_rounds or (1 if options.quick else 3)
    for number in range(rounds):
        for count, found in samples.items():
            found.append(run_once(options, count, records))
            tell(f"round {number + 1} of {rounds}: {count} processes: {found[-1].rate:,.0f}/s")
    one, two = samples[1], samples[2]
    return [
        *(
            place(
                to_row(PART, f"worker, {count} process{'es' * (count > 1)}", found),
                "cores: Kafka to Kafka",
                count,
            )
            for count, found in samples.items()
        ),
        at_least(PART, "two workers on two cores / one, by the clock", _divide(two, one), "x", GOAL),
        at_least(
            PART,
            "the same by CPU: two cores of their own",
            [
                2 * (own.cpu / own.count) / (other.cpu / other.count)
                for own, other in zip(one, two, strict=True)
            ],
            "x",
        ),
    ]


def _divide(ours: Sequence[Sample], theirs: Sequence[Sample]) -> list[float]:
    return [own.rate / other.rate for own, other in zip(ours, theirs, strict=True)]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

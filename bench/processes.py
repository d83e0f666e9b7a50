"""`tailrace worker --processes 2` beside one process, over the same backlog, until all documents are in Kafka.

One process gets one core, two get two. The broker runs on the same cores, so the clock tells less than two machines'
would: by CPU, two processes give twice what one gives if a line costs them as much as it costs one. What all else on
the machine uses meanwhile, the broker above all, is measured as well: it bounds what the clock can tell.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from bench.contender import ContenderError, tell
from bench.elasticsearch import build_own_settings
from bench.lines import make_mixed
from bench.memory import WORKER, running, write_config
from bench.options import Options
from bench.report import Row, Sample, at_cost, at_least, compare_cores, place, to_row
from bench.topics import (
    count_records,
    delete_topics,
    list_names,
    name_topics,
    read_times,
    send_lines,
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
# In a sample's details: CPU seconds of everything that is neither the worker nor the benchmark.
OTHERS = "others"
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
        before = _wait_for(records * EDGES[0] // 100, settings, worker)
        after = _wait_for(records, settings, worker)
    first, last = map(float, np.percentile(asyncio.run(read_times(server, topic)), EDGES))
    count = round(records * (EDGES[1] - EDGES[0]) / 100)
    share = count / max(after.documents - before.documents, 1)
    others = (after.others - before.others) * share
    seconds = max(last - first, 1) / 1000
    return Sample(count, seconds, (after.cpu - before.cpu) * share, after.resident, {OTHERS: others})


@dataclass(frozen=True, slots=True)
class _Reading:
    """How many documents there were, the worker's CPU seconds and resident MB, and the CPU seconds of all else."""

    documents: int
    cpu: float
    resident: float
    others: float


def _wait_for(documents: int, settings: Settings, worker: "subprocess.Popen[bytes]") -> _Reading:
    """A look at the machine as soon as there are so many documents."""
    server, topic = settings.kafka.bootstrap_servers[0], settings.kafka.topics.events
    deadline = time.monotonic() + PATIENCE
    while (found := count_records(server, topic)) < documents:
        if time.monotonic() > deadline or worker.poll() is not None:
            raise ContenderError(f"the worker did not write {documents:,} documents within {PATIENCE:.0f} s")
        time.sleep(0.2)
    cpu, resident = read_tree(worker.pid)
    return _Reading(found, cpu, resident, read_machine() - cpu - time.process_time())


def read_machine() -> float:
    """CPU seconds that all processes and the system itself have used since the start of the machine, from /proc."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


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
    lines = [line.encode() for line in make_mixed(min(VARIETY, records))]
    try:
        asyncio.run(set_up_topics(settings.kafka))
        send_lines(server, settings.kafka.topics.raw, lines, records, BLOCK)
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
        *(
            at_cost(PART, f"all else meanwhile, the broker above all, beside {count}", _divide_others(found))
            for count, found in samples.items()
        ),
        *compare_cores(PART, "two workers on two cores / one, by the clock", 2, two, one, GOAL),
        at_least(
            PART,
            f"the most that {os.cpu_count()} cores allow, if all else takes its share of them as beside one",
            [find_bound(sample, os.cpu_count() or 1) for sample in one],
            "x",
        ),
    ]


def find_bound(one: Sample, cores: int) -> float:
    """How many times as fast as one worker any number of them can be by the clock, at the same cost of a line.

    Then all cores are busy: with workers, and with what `one` found beside it, which grows with the lines.
    """
    return cores * one.seconds / (one.cpu + one.details[OTHERS])


def _divide_others(samples: Sequence[Sample]) -> list[float]:
    return [sample.details[OTHERS] / sample.count * 1e6 for sample in samples]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

"""The resident memory of `tailrace worker` with all three stages under full load, and the time of `tailrace --help`."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bench.contender import ContenderError, build_environment, tell
from bench.elasticsearch import build_own_settings, own_namespace
from bench.options import Options
from bench.report import Row, limit
from bench.topics import count_records, name_topics, to_names
from pipeline.settings import Settings

PART = "memory"
SECONDS = 60
QUICK = 20
LARGE = 1_800
WARM_UP = 5
INTERVAL = 0.2
LIMIT_MB = 400
# Memory counts as flat when the last third's median is at most this much above that of the middle third.
FLAT = 1.05
HELP_SECONDS = 0.3
HELP_RUNS = 7
WORKER = (sys.executable, "-m", "pipeline", "worker", "--config")


@dataclass(frozen=True, slots=True)
class Reading:
    """A look at a process: seconds since the start, resident MB (of 1,000,000 bytes), CPU seconds so far."""

    time: float
    resident: float
    cpu: float


def write_config(settings: Settings, path: Path) -> None:
    """What a user would write; JSON is YAML."""
    kafka, sink = settings.kafka, settings.elasticsearch
    path.write_text(
        json.dumps(
            {
                "kafka": {
                    "bootstrap_servers": list(kafka.bootstrap_servers),
                    "group": kafka.group,
                    "topics": to_names(kafka.topics),
                    "partitions": kafka.partitions,
                },
                "elasticsearch": {
                    "hosts": list(sink.hosts),
                    "namespace": sink.namespace,
                    "bursts_index": sink.bursts_index,
                    "replicas": sink.replicas,
                },
            }
        )
    )


@contextlib.contextmanager
def running(
    command: list[str], log: Path, environment: dict[str, str] | None = None, cores: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is ended with SIGTERM; ContenderError with its last words if it ended before.

    `cores`: it may use only so many, the last ones.
    """
    pinned = [
        "-c",
        f"import os, sys; os.sched_setaffinity(0, {list_last_cores(cores)}); os.execv(sys.argv[1], sys.argv[1:])",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command if cores is None else [sys.executable, *pinned, *command],
            stdout=output,
            stderr=output,
            env=build_environment(environment or {}),
        )
    try:
        yield process
        if process.poll() is not None:
            raise ContenderError(f"{command[1:4]} ended early:\n{log.read_text(errors='replace')[-3000:]}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def list_last_cores(count: int | None) -> list[int]:
    """The last of those that this process may use."""
    return sorted(os.sched_getaffinity(0))[-(count or 0) :]


def read_process(number: int, began: float) -> Reading:
    """From /proc."""
    statm = Path(f"/proc/{number}/statm").read_text().split()
    stat = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    resident = int(statm[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Reading(time.monotonic() - began, resident, cpu)


def watch(
    settings: Settings,
    folder: Path,
    seconds: float,
    environment: dict[str, str] | None = None,
    feed: str = "demo",
) -> tuple[list[Reading], int]:
    """Readings of a worker while lines keep coming, and how many documents it wrote meanwhile."""
    config = folder / "worker.yml"
    write_config(settings, config)
    server, topics = settings.kafka.bootstrap_servers[0], settings.kafka.topics
    feeder = [sys.executable, "-m", "bench.feeder", server, topics.raw, topics.events, feed]
    readings: list[Reading] = []
    with (
        running(feeder, folder / "feeder.log"),
        running([*WORKER, str(config)], folder / "worker.log", environment) as worker,
    ):
        _wait_for_documents(server, topics.events, worker)
        began = time.monotonic()
        while time.monotonic() - began < WARM_UP + seconds:
            readings.append(read_process(worker.pid, began))
            time.sleep(INTERVAL)
            if worker.poll() is not None:
                break
        written = count_records(server, topics.events)
    return readings, written


def _wait_for_documents(server: str, topic: str, worker: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while not count_records(server, topic):
        if time.monotonic() > deadline or worker.poll() is not None:
            raise ContenderError("the worker wrote no document within 60 seconds")
        time.sleep(0.2)


def summarise(readings: list[Reading], written: int) -> list[Row]:
    """Peak, and whether it is flat."""
    after = [reading for reading in readings if reading.time >= WARM_UP]
    third = len(after) // 3
    middle = statistics.median(reading.resident for reading in after[third : 2 * third])
    last = statistics.median(reading.resident for reading in after[2 * third :])
    seconds = readings[-1].time
    cpu = readings[-1].cpu - readings[0].cpu
    growth = last / middle
    load = Row(
        PART,
        f"worker with all stages for {seconds:.0f} s, documents to Kafka",
        rate=written / seconds,
        cpu=cpu / max(written, 1) * 1e6,
        peak_mb=max(reading.resident for reading in readings),
    )
    return [
        load,
        limit(PART, "resident memory, peak", max(reading.resident for reading in readings), "MB", LIMIT_MB),
        limit(PART, f"last third ({last:.0f} MB) / middle third ({middle:.0f} MB)", growth, "x", FLAT),
    ]


def time_help() -> float:
    """Seconds of `tailrace --help`, the median of some runs."""
    installed = Path(sys.executable).with_name("tailrace")
    command = [str(installed)] if installed.exists() else [sys.executable, "-m", "pipeline"]
    found: list[float] = []
    for _ in range(HELP_RUNS + 1):
        began = time.perf_counter()
        subprocess.run([*command, "--help"], check=True, capture_output=True)
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    rows = [limit(PART, "tailrace --help", time_help(), "s", HELP_SECONDS)]
    if not Path("/proc/self/statm").exists():
        tell("memory is read from /proc, which is not here")
        return [*rows, Row(PART, "resident memory: not measured without /proc")]
    kafka, server = options.kafka(), options.elasticsearch()
    settings = build_own_settings(kafka, server, to_names(name_topics()), f"bench{uuid4().hex[:8]}")
    with own_namespace(settings, server):
        seconds = QUICK if options.quick else LARGE if options.large else SECONDS
        readings, written = watch(settings, options.folder, seconds)
    return [*summarise(readings, written), *rows]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

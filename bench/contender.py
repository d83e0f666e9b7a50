"""Runs one contender in a process of its own, pinned to one core, or to as many as it asks for.

A contender is a function `module:name` that takes keyword arguments and returns a Sample. `python -m bench.contender`
is the inner side; it is of no use by hand.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.report import Sample
from pipeline.allocators import spare_memory

# What a contender's thread pool would do on a machine of one core.
ENVIRONMENT = {"POLARS_MAX_THREADS": "1"}


def build_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment and more, without what Polars has written into it for itself."""
    return {**{name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}, **more}


@dataclass(frozen=True, slots=True)
class Contender:
    """A function to run, as `module:name`, its arguments (JSON), and how many cores it gets.

    `is_worker`: the allocators are set up as those of `tailrace worker`, which spares memory and costs some CPU.
    """

    name: str
    target: str
    arguments: Mapping[str, Any]
    cores: int = 1
    is_worker: bool = False


class ContenderError(RuntimeError):
    """A contender did not end well; the message holds the end of what it wrote."""


def run(contender: Contender) -> Sample:
    """Run it once and wait for its sample."""
    command = [sys.executable, "-m", "bench.contender", contender.target, json.dumps(contender.arguments)]
    environment = build_environment({"POLARS_MAX_THREADS": str(contender.cores)})
    options = [str(contender.cores), *(["worker"] if contender.is_worker else [])]
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise ContenderError(f"{contender.name}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def run_in_turns(contenders: Sequence[Contender], rounds: int) -> dict[str, list[Sample]]:
    """Every contender once a round, so that all of them meet the same weather."""
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            samples[contender.name].append(run(contender))
            tell(
                f"round {number + 1} of {rounds}: {contender.name}: {samples[contender.name][-1].rate:,.0f}/s"
            )
    return samples


def tell(text: str) -> None:
    """Progress, on standard error: the table has standard output to itself."""
    print(f"  {text}", file=sys.stderr, flush=True)


class Stopwatch:
    """The clock and the process's CPU between `start` and `stop`."""

    def __init__(self) -> None:
        self._began = self._cpu = self.seconds = self.cpu = 0.0
        self.running = False

    def start(self) -> None:
        """Only the first call counts."""
        if not self.running:
            self.running = True
            self._began, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Every call counts; the last one wins."""
        self.seconds, self.cpu = time.perf_counter() - self._began, time.process_time() - self._cpu

    def to_sample(self, count: int, **details: float) -> Sample:
        """What was measured. RuntimeError when everything came at once, before the clock ran."""
        if count <= 0:
            raise RuntimeError("all records came with the first fetch: measure more of them (--records)")
        return Sample(count, self.seconds, self.cpu, details=details)


@contextmanager
def measuring() -> Iterator[Stopwatch]:
    """A stopwatch that runs during the block."""
    watch = Stopwatch()
    watch.start()
    yield watch
    watch.stop()


def read_peak_mb() -> float:
    """The most memory this process has ever had resident, in MB of 1,000,000 bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux hands ru_maxrss on from the parent
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def main() -> None:
    target, arguments, *options = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-int(options[0]) if options else -1 :])
    if "worker" in options:
        spare_memory()
    module, _, name = target.partition(":")
    sample = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    print(json.dumps(asdict(replace(sample, peak_mb=sample.peak_mb or read_peak_mb()))))


if __name__ == "__main__":
    main()

"""Files into the local store by `tailrace run`: on one core with one process, and on all cores with as many."""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.contender import ENVIRONMENT, Contender, run, tell
from bench.feeder import make_days
from bench.options import Options
from bench.report import Row, Sample, at_least, by_cpu_second, compare_cores, place, to_row

PART = "local"
# Some 380 MB: the files have to be so large that their last batches do not decide how two cores compare with one.
LINES = 3_000_000
# Some 1 GB.
LARGE = 8_000_000
QUICK = 200_000
GOAL = 200_000
SCALING = 1.7
JUDGED_MEGABYTES = 300
# Percent of the events that a rule has to take.
PARSED = 99.0


def run_command(path: str, store: str, processes: int) -> Sample:
    """Contender: the command over a file, at the speed that it tells. The store is left behind.

    The CPU seconds are those of all its processes, less what they use for a file of one line.
    """
    first = Path(f"{path}.first")
    with Path(path).open("rb") as file:
        first.write_bytes(file.readline())
    _time_command(str(first), f"{store}.first", processes)  # after this one the rules' databases are kept
    start, _ = _time_command(str(first), f"{store}.first", processes)
    spent, told = _time_command(path, store, processes)
    found = re.search(r"^([\d,]+) lines .*, ([\d,]+) a second: .*, ([\d.]+) % parsed", told)
    if found is None or float(found[3]) < PARSED:
        raise RuntimeError(f"the run did not parse its lines:\n{told}")
    shutil.rmtree(f"{store}.first")
    lines, rate = (int(found[number].replace(",", "")) for number in (1, 2))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    megabytes = Path(path).stat().st_size / 1e6
    return Sample(lines, lines / rate, max(spent - start, 1e-9), peak, {"megabytes": megabytes})


def _time_command(path: str, store: str, processes: int) -> tuple[float, str]:
    """CPU seconds of all processes, and what it told."""
    shutil.rmtree(store, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", "run", path, "--store", store, "--processes", str(processes)]
    # The command shares the cores among its processes itself, as it does for its users.
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def write_file(path: Path, lines: int, kind: str = "mixed") -> None:
    """So many lines of a kind, day after day; nothing is done if the file is there."""
    if path.exists():
        return
    left = lines
    with path.open("wb") as file:
        for values in make_days(kind):
            file.write(b"\n".join(values[:left]) + b"\n")
            left -= len(values)
            if left <= 0:
                break
        # Else the system writes it to the disk meanwhile, which costs a run on all cores more than one on one.
        file.flush()
        os.fsync(file.fileno())


def choose_lines(options: Options) -> int:
    """How many lines the run is asked for."""
    return options.choose(LARGE if options.large else LINES, QUICK)


def list_cores() -> Sequence[int]:
    """One core, and all of them if there are more."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (1,) if count == 1 else (1, count)


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    lines, path, store = choose_lines(options), options.folder / "local.log", options.folder / "local-store"
    write_file(path, lines)
    samples: dict[int, list[Sample]] = {cores: [] for cores in list_cores()}
    rounds = options.wanted_rounds or (1 if options.large else options.rounds)
    for number in range(rounds):
        for cores, found in samples.items():
            arguments = {"path": str(path), "store": str(store), "processes": cores}
            found.append(run(Contender(f"{cores} cores", "bench.local:run_command", arguments, cores)))
            tell(f"round {number + 1} of {rounds}: {cores} cores: {found[-1].rate:,.0f}/s")
    one = samples[1]
    size = f"{one[0].details['megabytes']:,.0f} MB"
    rows = [
        place(
            to_row(PART, f"{size} of files into the store, {cores} core{'s' * (cores > 1)}", found),
            "cores: files into the store",
            cores,
        )
        for cores, found in samples.items()
    ]
    rows.append(at_least(PART, f"{size} into the store, one core", _to_rates(one), "a second", GOAL))
    rows.append(by_cpu_second(PART, f"{size} into the store, one core", one, GOAL))
    for cores, found in samples.items():
        if cores > 1:
            is_large = one[0].details["megabytes"] >= JUDGED_MEGABYTES
            goal = SCALING if cores == 2 and is_large else None
            what = f"{cores} cores / one" + ("" if is_large else ", too small a file to judge")
            rows += compare_cores(PART, what, cores, found, one, goal)
    return rows


def _to_rates(samples: Sequence[Sample]) -> list[float]:
    return [sample.rate for sample in samples]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

"""What the benchmarks found: samples, rows of the table, and how they are written."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

# What bare `getmany` reads a second on the machine that the goals in lines a second come from.
REFERENCE = 700_000
COLUMNS = ("part", "what", "a second", "CPU s a million", "peak MB", "value", "from - to", "goal", "")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a contender: `count` records in `seconds` by the clock and `cpu` seconds of its own process."""

    count: int
    seconds: float
    cpu: float
    peak_mb: float = 0.0
    details: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `rate`, `cpu` and `peak_mb` describe a contender; `value` and `goal` a comparison.

    `met` is None where nothing is asked for. `low` and `high` are those of the rounds: of the value, else of the
    rate, else of the CPU. `plot` and `at`: where it is in which plot (see `bench.publish`).
    """

    part: str
    what: str
    rate: float | None = None
    cpu: float | None = None
    peak_mb: float | None = None
    value: float | None = None
    unit: str = ""
    goal: str = ""
    met: bool | None = None
    low: float | None = None
    high: float | None = None
    plot: str = ""
    at: float | None = None


def place(row: Row, plot: str, at: float) -> Row:
    """The same row with its place in a plot."""
    return replace(row, plot=plot, at=at)


def to_row(part: str, what: str, samples: Sequence[Sample]) -> Row:
    """The medians of a contender's rounds."""
    rates = [sample.rate for sample in samples]
    return Row(
        part,
        what,
        low=min(rates),
        high=max(rates),
        rate=statistics.median(rates),
        cpu=statistics.median(sample.cpu / sample.count * 1e6 for sample in samples),
        peak_mb=statistics.median(sample.peak_mb for sample in samples) or None,
    )


def compare(
    part: str, what: str, ours: Sequence[Sample], theirs: Sequence[Sample], goal: float | None = None
) -> list[Row]:
    """The ratio of two contenders that ran in turns, the median over the rounds: by the clock, and by CPU.

    The goal counts by the clock. On a busy machine the ratio by CPU is the steadier one; for contenders that
    wait for a server it says how much of a core each would leave.
    """
    clocks, by_cpu = divide_rates(ours, theirs), divide_costs(theirs, ours)
    return [at_least(part, what, clocks, "x", goal), at_least(part, f"{what}, by CPU", by_cpu, "x")]


def divide_rates(ours: Sequence[Sample], theirs: Sequence[Sample]) -> list[float]:
    """How many times as fast `ours` are by the clock, round by round."""
    return [own.rate / other.rate for own, other in zip(ours, theirs, strict=True)]


def divide_costs(ours: Sequence[Sample], theirs: Sequence[Sample]) -> list[float]:
    """How many times the CPU of `theirs` a record of `ours` costs, round by round."""
    pairs = zip(ours, theirs, strict=True)
    return [(own.cpu / own.count) / (other.cpu / other.count) for own, other in pairs]


def scale(part: str, what: str, ours: Sequence[Sample], getmany: Sequence[Sample], goal: float) -> Row:
    """A rate as it would be on the machine of the goals, by what `getmany` read beside it, round by round."""
    rounds = [REFERENCE * ratio for ratio in divide_rates(ours, getmany)]
    return at_least(part, f"{what}, if getmany read {REFERENCE:,}", rounds, "a second", goal)


def compare_cores(
    part: str, what: str, cores: int, more: Sequence[Sample], one: Sequence[Sample], goal: float | None = None
) -> list[Row]:
    """How many times as fast so many cores are as one: by the clock, which the goal is for, and by CPU.

    By CPU it is what they would be if nothing else ran on them.
    """
    by_cpu = [cores * ratio for ratio in divide_costs(one, more)]
    return [
        at_least(part, what, divide_rates(more, one), "x", goal),
        at_least(part, f"the same by CPU: {cores} cores of their own", by_cpu, "x"),
    ]


def at_least(part: str, what: str, rounds: Sequence[float], unit: str, goal: float | None = None) -> Row:
    """The median of the rounds, which should not be below `goal` if there is one."""
    value = statistics.median(rounds)
    return Row(
        part,
        what,
        value=value,
        unit=unit,
        goal="" if goal is None else f">= {goal:,g}{_space(unit)}{unit}",
        met=None if goal is None else value >= goal,
        low=min(rounds),
        high=max(rounds),
    )


def at_most(part: str, what: str, rounds: Sequence[float], unit: str, goal: float) -> Row:
    """The median of the rounds, which should not be above `goal`."""
    return replace(
        limit(part, what, statistics.median(rounds), unit, goal), low=min(rounds), high=max(rounds)
    )


def at_cost(part: str, what: str, rounds: Sequence[float]) -> Row:
    """CPU seconds for a million, the median of the rounds."""
    return Row(part, what, cpu=statistics.median(rounds), low=min(rounds), high=max(rounds))


def by_cpu_second(part: str, what: str, samples: Sequence[Sample], goal: float | None = None) -> Row:
    """Records in a second of CPU, which is what one core does: beside others' work it is steadier than the clock."""
    rounds = [sample.count / sample.cpu for sample in samples]
    return at_least(part, what, rounds, "a CPU second", goal)


def limit(part: str, what: str, value: float, unit: str, most: float) -> Row:
    """A value that should not be above `most`."""
    return Row(
        part, what, value=value, unit=unit, goal=f"<= {most:,g}{_space(unit)}{unit}", met=value <= most
    )


def to_markdown(rows: Iterable[Row]) -> str:
    """One Markdown table, padded so that it reads well on a terminal too. Columns without a figure are left out."""
    found = [_to_cells(row) for row in rows]
    kept = [at for at in range(len(COLUMNS)) if at < 2 or any(cells[at] for cells in found)]
    cells = [tuple(line[at] for at in kept) for line in (COLUMNS, *found)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(kept))]
    lines = [
        "| " + " | ".join(_pad(text, at, widths[at]) for at, text in enumerate(line)) + " |" for line in cells
    ]
    rule = (
        "| "
        + " | ".join("-" * (width - 1) + ("-" if at < 2 else ":") for at, width in enumerate(widths))
        + " |"
    )
    return "\n".join([lines[0], rule, *lines[1:]])


def _to_cells(row: Row) -> tuple[str, ...]:
    return (
        row.part,
        row.what,
        "" if row.rate is None else f"{row.rate:,.0f}",
        "" if row.cpu is None else f"{row.cpu:.2f}",
        "" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
        "" if row.value is None else f"{_to_figure(row.value)}{_space(row.unit)}{row.unit}",
        "" if row.low is None or row.high is None else f"{_to_figure(row.low)} - {_to_figure(row.high)}",
        row.goal,
        "" if row.met is None else ("pass" if row.met else "MISS"),
    )


def _to_figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _space(unit: str) -> str:
    return "" if unit == "x" else " "


def _pad(text: str, at: int, width: int) -> str:
    return text.ljust(width) if at < 2 else text.rjust(width)


def describe_machine() -> dict[str, Any]:
    """Where the figures were taken, and how busy it was: without it they say little."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": find_processor(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }


def find_processor() -> str:
    """Its name, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def to_json(machine: dict[str, Any], rows: Iterable[Row]) -> str:
    """The same for programs."""
    return json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"

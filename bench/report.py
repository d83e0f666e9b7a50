"""What the benchmarks found: samples, rows of the table, and how they are written."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

COLUMNS = ("part", "what", "a second", "CPU s a million", "peak MB", "value", "goal", "")


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

    `met` is None where nothing is asked for.
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


def to_row(part: str, what: str, samples: Sequence[Sample]) -> Row:
    """The medians of a contender's rounds."""
    return Row(
        part,
        what,
        rate=statistics.median(sample.rate for sample in samples),
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
    by_clock = _take_median(ours, theirs, lambda own, other: own.rate / other.rate)
    by_cpu = _take_median(ours, theirs, lambda own, other: (other.cpu / other.count) / (own.cpu / own.count))
    rows = [
        Row(
            part,
            what,
            value=by_clock,
            unit="x",
            goal="" if goal is None else f">= {goal:g}x",
            met=None if goal is None else by_clock >= goal,
        )
    ]
    return [*rows, Row(part, f"{what}, by CPU", value=by_cpu, unit="x")]


def _take_median(
    ours: Sequence[Sample], theirs: Sequence[Sample], divide: Callable[[Sample, Sample], float]
) -> float:
    return statistics.median(divide(own, other) for own, other in zip(ours, theirs, strict=True))


def limit(part: str, what: str, value: float, unit: str, most: float) -> Row:
    """A value that should not be above `most`."""
    return Row(part, what, value=value, unit=unit, goal=f"<= {most:g}{_space(unit)}{unit}", met=value <= most)


def to_markdown(rows: Iterable[Row]) -> str:
    """One Markdown table, padded so that it reads well on a terminal too."""
    cells = [COLUMNS, *(_to_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(COLUMNS))]
    lines = [
        "| " + " | ".join(_pad(text, at, widths[at]) for at, text in enumerate(line)) + " |" for line in cells
    ]
    rule = (
        "| "
        + " | ".join("-" * (width - 1) + ("-" if at < 2 else ":") for at, width in enumerate(widths))
        + " |"
    )
    return "\n".join([lines[0], rule.replace("| : |", "| - |"), *lines[1:]])


def _to_cells(row: Row) -> tuple[str, ...]:
    return (
        row.part,
        row.what,
        "" if row.rate is None else f"{row.rate:,.0f}",
        "" if row.cpu is None else f"{row.cpu:.2f}",
        "" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
        "" if row.value is None else f"{row.value:.3g}{_space(row.unit)}{row.unit}",
        row.goal,
        "" if row.met is None else ("pass" if row.met else "MISS"),
    )


def _space(unit: str) -> str:
    return "" if unit == "x" else " "


def _pad(text: str, at: int, width: int) -> str:
    return text.ljust(width) if at < 2 or at == len(COLUMNS) - 1 else text.rjust(width)


def describe_machine() -> dict[str, Any]:
    """Where the figures were taken, and how busy it was: without it they say little."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }


def to_json(machine: dict[str, Any], rows: Iterable[Row]) -> str:
    """The same for programs."""
    return json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"

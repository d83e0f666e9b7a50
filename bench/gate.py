"""The rules of the regression gate: cost in units of a fixed reference, what was kept, and what counts as slower."""

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from bench.report import find_processor

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.2
_ROWS = 20_000
_TIMES = 4


@dataclass(frozen=True, slots=True)
class Baseline:
    """Cost of each workload in units of the reference; `tolerance`: how much more is still noise."""

    costs: Mapping[str, float]
    tolerance: float = TOLERANCE
    python: str = ""
    polars: str = ""
    processor: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A workload's cost now, lowest and highest of the rounds, beside what was kept (None: not known yet)."""

    name: str
    cost: float
    low: float
    high: float
    kept: float | None
    tolerance: float

    @property
    def change(self) -> float | None:
        """0.1: a tenth more than before."""
        return None if self.kept is None else self.cost / self.kept - 1

    @property
    def is_slower(self) -> bool:
        """By more than noise can be."""
        return self.change is not None and self.change > self.tolerance


class Reference:
    """A fixed piece of work of the kind that parsing is: Polars over texts, JSON, and a Python loop.

    It uses nothing of the project, so it costs the same however the project changes; what slows the machine down
    slows both.
    """

    def __init__(self, rows: int = _ROWS) -> None:
        self._texts = pl.Series(
            "text",
            [
                f"2026-07-01 10:{at % 60:02d}:00 web-{at % 9} shop[{at}]: order {at} paid"
                for at in range(rows)
            ],
        )

    def run(self) -> int:
        """Do it some times: as long as a short workload takes."""
        return sum(self._run_once() for _ in range(_TIMES))

    def _run_once(self) -> int:
        groups = self._texts.str.extract_groups(r"^(\S+ \S+) (\S+) (\w+)\[(\d+)\]: (.*)$").struct.unnest()
        times = groups["1"].str.strptime(pl.Datetime("ms"), "%Y-%m-%d %H:%M:%S")
        frame = groups.with_columns(times.alias("time"), pl.col("4").cast(pl.Int64))
        written = frame.select(pl.struct(pl.all()).struct.json_encode()).to_series()
        counted: dict[str, int] = {}
        for text in self._texts.to_list():
            name = text[20:25]
            counted[name] = counted.get(name, 0) + len(text)
        return len(written) + len(counted)


def measure_costs(
    workloads: Mapping[str, Callable[[], object]], reference: Callable[[], object], rounds: int
) -> dict[str, list[float]]:
    """Each workload's CPU over that of the reference, round by round, right before and after it."""
    costs: dict[str, list[float]] = {name: [] for name in workloads}
    reference()
    for work in workloads.values():
        work()
    for _ in range(rounds):
        before = _time(reference)
        for name, work in workloads.items():
            spent = _time(work)
            after = _time(reference)
            costs[name].append(2 * spent / (before + after))
            before = after
    return costs


def _time(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def judge(costs: Mapping[str, list[float]], baseline: Baseline) -> list[Verdict]:
    """The medians beside what was kept."""
    return [
        Verdict(
            name,
            statistics.median(found),
            min(found),
            max(found),
            baseline.costs.get(name),
            baseline.tolerance,
        )
        for name, found in costs.items()
    ]


def read_baseline(path: Path = BASELINE) -> Baseline:
    """What was kept. OSError, ValueError, TypeError: it is not there, or no baseline."""
    return Baseline(**json.loads(path.read_text()))


def write_baseline(verdicts: list[Verdict], tolerance: float, path: Path = BASELINE) -> None:
    """Keep these costs."""
    kept = Baseline(
        {verdict.name: round(verdict.cost, 3) for verdict in verdicts},
        tolerance,
        platform.python_version(),
        pl.__version__,
        find_processor(),
    )
    path.write_text(json.dumps(asdict(kept), indent=2) + "\n")

"""`python -m bench.check` fails when the parse core has become slower than what `bench/baseline.json` keeps.

    python -m bench.check [--update] [--rounds N] [--lines N] [--baseline FILE] [--against REVISION]

Clocks differ from machine to machine and from minute to minute, so no seconds are compared: a workload's CPU is divided
by that of a fixed piece of work that runs right before and after it, and the median of the rounds counts. What seems
slower is measured again before it counts as slower. The exit code is 1 then.

`--against HEAD~1` compares with that revision instead, measured now, in turns with the working tree: nothing that
was kept, so it holds on every machine, but it takes longer.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.against import measure_against
from bench.contender import ENVIRONMENT, build_environment
from bench.gate import (
    BASELINE,
    TOLERANCE,
    Baseline,
    Reference,
    Verdict,
    judge,
    measure_costs,
    read_baseline,
    write_baseline,
)
from bench.report import find_processor

ROUNDS = 7
AGAIN = 2


def check(
    workloads: Mapping[str, Callable[[], object]],
    reference: Callable[[], object],
    baseline: Baseline,
    rounds: int,
) -> list[Verdict]:
    """A verdict for each workload; those that seem slower are measured again, and their rounds added."""
    costs = measure_costs(workloads, reference, rounds)
    for _ in range(AGAIN):
        slower = [verdict.name for verdict in judge(costs, baseline) if verdict.is_slower]
        if not slower:
            break
        more = measure_costs({name: workloads[name] for name in slower}, reference, rounds)
        costs = {name: found + more.get(name, []) for name, found in costs.items()}
    return judge(costs, baseline)


def to_table(verdicts: Sequence[Verdict]) -> str:
    """One line a workload."""
    lines = [f"{'workload':12} {'cost':>8} {'low-high':>17} {'kept':>8} {'change':>8}"]
    for verdict in verdicts:
        span = f"{verdict.low:.2f}-{verdict.high:.2f}"
        kept = "-" if verdict.kept is None else f"{verdict.kept:.2f}"
        change = "new" if verdict.change is None else f"{verdict.change:+.0%}"
        end = f"  SLOWER by more than {verdict.tolerance:.0%}" if verdict.is_slower else ""
        lines.append(f"{verdict.name:12} {verdict.cost:8.2f} {span:>17} {kept:>8} {change:>8}{end}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if something is slower, or there is no baseline."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.check", description="Has the parse core become slower?"
    )
    parser.add_argument("--update", action="store_true", help="keep what is measured now as the baseline")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--lines", type=int, default=20_000, metavar="N", help="lines of a workload")
    parser.add_argument("--baseline", type=Path, default=BASELINE, metavar="FILE")
    parser.add_argument("--against", metavar="REVISION", help="compare with a git revision, measured now")
    wanted = parser.parse_args(arguments)
    if wanted.against:
        return _check_against(wanted.against, wanted.rounds, wanted.lines)
    baseline = Baseline({}) if wanted.update else _read(wanted.baseline)
    if baseline is None:
        return 1
    from bench.workloads import build_workloads
    from parsers.load import load_rule_set
    from parsers.shipped import shipped_rules_directory

    workloads = build_workloads(load_rule_set(shipped_rules_directory()), lines=wanted.lines)
    verdicts = check(workloads, Reference().run, baseline, wanted.rounds)
    print(to_table(verdicts))
    if wanted.update:
        write_baseline(verdicts, TOLERANCE, wanted.baseline)
        print(f"kept in {wanted.baseline}")
        return 0
    if baseline.processor and baseline.processor != find_processor():
        print(
            f"The baseline is from another processor ({baseline.processor}): on this one ratios may differ."
        )
    if not any(verdict.is_slower for verdict in verdicts):
        return 0
    print("If that is wanted, or this is another machine than the baseline's: python -m bench.check --update")
    return 1


def _check_against(revision: str, rounds: int, lines: int) -> int:
    try:
        before, now = measure_against(revision, rounds, lines)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    verdicts = judge(now, Baseline({name: statistics.median(costs) for name, costs in before.items()}))
    print(to_table(verdicts))
    return int(any(verdict.is_slower for verdict in verdicts))


def _read(path: Path) -> Baseline | None:
    try:
        return read_baseline(path)
    except (OSError, ValueError, TypeError) as error:
        print(f"{path}: {error}. Make one: python -m bench.check --update", file=sys.stderr)
        return None


if __name__ == "__main__":
    if (
        "POLARS_MAX_THREADS" not in os.environ
    ):  # Polars reads it when it is imported, which has happened by now
        os.execve(
            sys.executable,
            [sys.executable, "-m", "bench.check", *sys.argv[1:]],
            build_environment(ENVIRONMENT),
        )
    sys.exit(main())

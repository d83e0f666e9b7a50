"""What many rules cost: a line among 1 to 1,000 of them, and a reload of 1,000 of which some changed.

All contenders take turns in one process, so the ratios hold on a busy machine too.
"""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from bench.contender import tell
from bench.lines import make_mixed
from bench.many_rules import make_application_lines, make_daemon_lines, write_rules
from bench.options import Options
from bench.parse import to_frame
from bench.programs import make_ten
from bench.report import Row, at_cost, at_least, at_most, limit, place
from parsers.document import to_documents
from parsers.load import load_rule_set
from parsers.patterns.store import FolderStore
from parsers.ruleset import RuleSet
from parsers.shipped import shipped_rules_directory
from tests.hostile.corpus import make_attacks, make_runs

Result = TypeVar("Result")

PART = "rules"
COUNTS = (1, 10, 100, 1_000)
LINES = 100_000
QUICK = 20_000
BATCH = 10_000
CHANGED = 20
TRIES = 5
COST_LIMIT = 1.25
RELOAD_LIMIT = 2.0
SIZES = (1_000, 70_000, 1_000_000, 10_000_000)
HOSTILE_LIMIT = 50.0
SPEED_KEPT = 0.8
TEN_FILES = (
    "nginx", "apache", "sshd", "pam", "postgresql", "java", "kernel", "systemd", "haproxy", "redis", "json", "syslog",
)  # fmt: skip


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    lines = options.choose(LINES, QUICK)
    rounds = options.wanted_rounds or (3 if options.quick else 7)
    return [
        *measure_cost("application", 0, options.folder / "rules-0", make_application_lines(lines), rounds),
        *measure_cost(
            "daemon behind syslog", 1, options.folder / "rules-1", make_daemon_lines(lines), rounds
        ),
        *measure_ten(options.folder / "rules-ten", make_ten(lines), rounds),
        *measure_shipped(options.folder / "rules-shipped", make_mixed(lines), rounds),
        *measure_reload(options.folder / "rules-reload"),
        *measure_hostile(SIZES[:-1] if options.quick else SIZES),
    ]


def measure_cost(name: str, first: int, folder: Path, lines: list[str], rounds: int) -> list[Row]:
    """The lines of the rule numbered `first`, among few and many others."""
    contenders = {}
    for count in COUNTS:
        write_rules(folder / str(count), count, first)
        shutil.copy(shipped_rules_directory() / "syslog.yml", folder / str(count))
        contenders[f"{count:,}"] = load_rule_set(folder / str(count))
    spent = time_in_turns(contenders, lines, rounds)
    rows = [
        place(at_cost(PART, f"{name}'s lines among {count} rules", found), f"rules: {name}", number)
        for (count, found), number in zip(spent.items(), COUNTS, strict=True)
    ]
    what = f"{name}'s lines among 1,000 rules / its own, by CPU"
    return [*rows, at_most(PART, what, divide(spent["1,000"], spent["1"]), "x", COST_LIMIT)]


def measure_shipped(folder: Path, lines: list[str], rounds: int) -> list[Row]:
    """The mixed lines, by the shipped rules alone and with 1,000 more beside them."""
    write_rules(folder, COUNTS[-1])
    for file in shipped_rules_directory().glob("*.yml"):
        shutil.copy(file, folder)
    shipped = load_rule_set(shipped_rules_directory())
    cost = time_in_turns({"shipped": shipped, "more": load_rule_set(folder)}, lines, rounds)
    what = "a mixed line among shipped and 1,000 more rules / shipped ones, by CPU"
    return [at_most(PART, what, divide(cost["more"], cost["shipped"]), "x", COST_LIMIT)]


def measure_ten(folder: Path, lines: list[str], rounds: int) -> list[Row]:
    """Ten programs' lines, by the rules of these alone and with others up to 1,000."""
    contenders = {}
    for count in (0, *COUNTS[1:]):
        directory = folder / str(count)
        directory.mkdir(parents=True)
        for name in TEN_FILES:
            shutil.copy(shipped_rules_directory() / f"{name}.yml", directory)
        if count:
            write_rules(directory, count)
        contenders[f"and {count:,} more" if count else "alone"] = load_rule_set(directory)
    spent = time_in_turns(contenders, lines, rounds)
    rows = [
        place(
            at_cost(PART, f"ten programs' lines, their rules {name}", found),
            "rules: ten programs",
            len(contenders[name].rules),
        )
        for name, found in spent.items()
    ]
    ratios = divide(spent["and 10 more"], spent["and 1,000 more"])
    return [
        *rows,
        at_least(PART, "ten programs: speed with 1,000 more rules / with 10", ratios, "x", SPEED_KEPT),
    ]


def divide(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round."""
    return [own / other for own, other in zip(ours, theirs, strict=True)]


def measure_reload(folder: Path) -> list[Row]:
    """A directory is read and built again after an edit, and by a process that starts with a store of databases."""
    count = COUNTS[-1]
    store = FolderStore(folder / "store")
    write_rules(folder / "rules", count)
    shutil.copy(shipped_rules_directory() / "syslog.yml", folder / "rules")

    def load(earlier: RuleSet | None = None) -> RuleSet:
        found = load_rule_set(folder / "rules", earlier=earlier, store=store)
        found.warm_up()
        return found

    cold, first = _time(load)
    stored, _ = _time(load)
    write_rules(folder / "rules", count, changed=CHANGED)
    reload, _ = _time(lambda: load(first))
    tell(f"1,000 rules: first {cold:.2f} s, from the store {stored:.2f} s, {CHANGED} changed {reload:.2f} s")
    return [
        Row(PART, "1,000 rules, the first time", value=cold, unit="s of CPU"),
        Row(PART, "1,000 rules, with their databases in the store", value=stored, unit="s of CPU"),
        limit(PART, f"1,000 rules again, {CHANGED} of them changed", reload, "s of CPU", RELOAD_LIMIT),
    ]


def measure_hostile(sizes: Sequence[int]) -> list[Row]:
    """The line of each size, and of those aimed at patterns, that takes longest to parse on its own."""
    rules = load_rule_set(shipped_rules_directory())
    rules.warm_up()
    groups = {f"of {size:,} bytes": make_runs(size) for size in sizes}
    groups["aimed at a pattern"] = make_attacks(rules.rules, sizes[1])
    rows = []
    for name, lines in groups.items():
        spent, worst = max((time_line(rules, line.text), line.name) for line in lines)
        tell(f"worst line {name}: {spent:.1f} ms, {worst}")
        rows.append(limit(PART, f"the worst hostile line {name}", spent, "ms of CPU", HOSTILE_LIMIT))
    return rows


def time_line(rules: RuleSet, text: str) -> float:
    """Milliseconds of CPU to parse one line on its own, the least of some tries."""
    frame = to_frame([text])
    best = float("inf")
    for _ in range(TRIES):
        best = min(best, _time(lambda: rules.parse(frame))[0] * 1_000)
        if best < HOSTILE_LIMIT / 2:
            break
    return best


def time_in_turns(
    contenders: dict[str, RuleSet], lines: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    """µs of CPU a line to parse and write documents, in each round."""
    frames = [to_frame(list(lines[start : start + BATCH])) for start in range(0, len(lines), BATCH)]
    for rules in contenders.values():
        parse_all(rules, frames[:1])
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, rules in contenders.items():
            spent, _ = _time(lambda rules=rules: parse_all(rules, frames))  # type: ignore[misc]
            found[name].append(spent / len(lines) * 1e6)
        tell(
            f"round {number + 1} of {rounds}: "
            + ", ".join(f"{name} {costs[-1]:.2f}" for name, costs in found.items())
        )
    return found


def parse_all(rules: RuleSet, frames: Sequence[pl.DataFrame]) -> None:
    for frame in frames:
        for block in rules.parse(frame).blocks:
            to_documents(block.frame)


def _time(work: Callable[[], Result]) -> tuple[float, Result]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

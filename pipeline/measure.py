"""How fast a user's own lines are parsed, and by which rules the time goes: what `tailrace bench` tells.

Everything runs on lines that are in memory, one round after the other, so that stages and rounds meet the same
weather; the first batch goes through once before anything counts.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import polars as pl
import regex

from pipeline.local import Engine, Limits, Observer, Tally, read_batches
from pipeline.sources.events import ORIGIN
from pipeline.stages.document import build_documents

Result = TypeVar("Result")

STAGES = ("choose", "extract", "document", "all", "loop")
# Of a rule with fewer lines one would see little but noise.
FEWEST = 20
# As many rules are measured alone: those with the most lines.
MOST_RULES = 100
# Lines of a batch that a single rule's lines fill, over and over.
FULL = 10_000
# For the plain loop: an access log, syslog, and a time with a level.
PATTERNS = (
    r'^(?P<ip>\S+) \S+ (?P<user>\S+) \[(?P<ts>[^\]]+)\] "(?P<method>\w+) (?P<path>\S+)[^"]*" '
    r'(?P<status>\d+) (?P<size>\S+)(?: "(?P<referrer>[^"]*)" "(?P<agent>[^"]*)")?',
    r"^(?P<ts>\w{3} [ \d]\d [\d:]{8}|\d{4}-\S+T\S+) (?P<host>\S+) (?P<program>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?: "
    r"(?P<message>.*)$",
    r"^\[?(?P<ts>\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]+\S*)\]? +\[?(?P<level>[A-Z]+)\]? +(?P<message>.*)$",
)


@dataclass(frozen=True, slots=True)
class Input:
    """Batches of events as line frames; how many events, and bytes of their text."""

    batches: tuple[pl.DataFrame, ...]
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, lowest and highest of the rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StageCost:
    """A stage's CPU seconds for a million events, and events a second by the clock (None: not timed on its own)."""

    cpu: Spread
    rate: Spread | None


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What a rule costs.

    `lines` and their `share`; `microseconds` of CPU a line in batches as they came, in which the fixed cost of a batch
    weighs on few lines; `cost`, its share of all rules' time; `alone`: µs a line in batches full of its lines, None
    where it was not measured.
    """

    rule: str | None
    lines: int
    share: float
    microseconds: float
    cost: float
    alone: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured. `parsed`: the share of events that a rule took."""

    events: int
    bytes: int
    batches: int
    rounds: int
    parsed: float
    stages: dict[str, StageCost]
    rules: tuple[RuleCost, ...]


def read_input(
    engine: Engine, paths: Iterable[str], observer: Observer, now: int, most: int, limits: Limits
) -> Input:
    """The first `most` events of files, as a local run batches them. What cannot be read is told to `observer`."""
    batches: list[pl.DataFrame] = []
    events = 0
    for lines in read_batches(engine.joiner, paths, observer, Tally(), now, limits):
        batches.append(lines.drop(ORIGIN, "_size").head(most - events))
        events += batches[-1].height
        if events >= most:
            break
    size = sum(int(batch["event.original"].str.len_bytes().sum()) for batch in batches)
    return Input(tuple(batches), events, size)


def measure(
    engine: Engine, lines: Input, rounds: int, on_round: Callable[[int], None] = lambda _: None
) -> Report:
    """Parse the events `rounds` times. There has to be at least one."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in STAGES}
    run_once(engine, lines.batches[:1])
    for number in range(rounds):
        for name, found in run_once(engine, lines.batches).items():
            seconds[name].append(found)
        on_round(number + 1)
    rules = measure_rules(engine, lines.batches)
    unparsed = sum(rule.lines for rule in rules if rule.rule is None)
    return Report(
        lines.events,
        lines.bytes,
        len(lines.batches),
        rounds,
        1 - unparsed / lines.events,
        {name: _to_cost(name, found, lines.events) for name, found in seconds.items()},
        rules,
    )


def run_once(engine: Engine, batches: Sequence[pl.DataFrame]) -> dict[str, tuple[float, float]]:
    """Seconds by the clock and of CPU of each stage.

    `choose` finds the rule that takes each line. It is part of the parse and timed in a pass of its own; `extract` is
    the rest of the parse, also choosing among rules that read on. `all` is the parse and its documents.
    """
    totals = {name: np.zeros(2) for name in STAGES}
    for batch in batches:
        choose, _ = _time(partial(engine.flow.rules.choose_lines, batch["event.original"], batch))
        parse, parsed = _time(partial(engine.flow.parse, batch))
        write, _ = _time(partial(build_documents, parsed))
        loop, _ = _time(partial(loop_plainly, batch["event.original"]))
        found = (choose, np.maximum(parse - choose, 0), write, parse + write, loop)
        for name, spent in zip(STAGES, found, strict=True):
            totals[name] += spent
    return {name: (float(spent[0]), float(spent[1])) for name, spent in totals.items()}


def loop_plainly(texts: pl.Series) -> int:
    """What one writes without a library, for scale: a few regexes and `json.dumps`, one line after the other.

    Nothing is converted or checked, and other forms of lines stay as they are.
    """
    patterns = [regex.compile(pattern) for pattern in PATTERNS]
    written = 0
    for line in texts:
        fields: dict[str, str | None] = next(
            (found.groupdict() for pattern in patterns if (found := pattern.match(line))), {}
        )
        written += len(json.dumps({"event": {"original": line}, **fields}))
    return written


def measure_rules(engine: Engine, batches: Sequence[pl.DataFrame]) -> tuple[RuleCost, ...]:
    """What each rule costs, the dearest first. Lines that no rule took count as those of rule None."""
    spent: dict[str | None, float] = {}
    held: dict[str | None, list[pl.DataFrame]] = {}
    for batch in batches:
        for rule, rows in _find_rows(engine, batch).items():
            part = batch[rows]
            spent[rule] = spent.get(rule, 0.0) + _time_parse(engine, part)
            held.setdefault(rule, []).append(part)
    counts = {rule: sum(part.height for part in parts) for rule, parts in held.items()}
    everything, lines = sum(spent.values()) or 1.0, sum(counts.values())
    alone = sorted((rule for rule in counts if counts[rule] >= FEWEST), key=lambda rule: -counts[rule])
    full = {rule: _measure_alone(engine, held[rule]) for rule in alone[:MOST_RULES]}
    costs = (
        RuleCost(
            rule,
            counts[rule],
            counts[rule] / lines,
            seconds / counts[rule] * 1e6,
            seconds / everything,
            full.get(rule),
        )
        for rule, seconds in spent.items()
    )
    return tuple(sorted(costs, key=lambda cost: -cost.cost))


def _find_rows(engine: Engine, batch: pl.DataFrame) -> dict[str | None, pl.Series]:
    """The rows of a batch by the rule that took them."""
    rows: dict[str | None, pl.Series] = {}
    for block in engine.flow.parse(batch).blocks:
        found = block.frame["_row"].cast(pl.UInt32)
        rows[block.rule] = found if block.rule not in rows else rows[block.rule].append(found)
    return {rule: found.sort() for rule, found in rows.items()}


def _measure_alone(engine: Engine, parts: list[pl.DataFrame]) -> float:
    """µs of CPU a line in a batch full of a rule's lines; the second of two runs."""
    own = pl.concat(parts, how="diagonal_relaxed").head(FULL)
    full = pl.concat([own] * -(-FULL // own.height)).head(FULL)
    _time_parse(engine, full)
    return _time_parse(engine, full) / full.height * 1e6


def _time_parse(engine: Engine, batch: pl.DataFrame) -> float:
    (_, cpu), _ = _time(lambda: build_documents(engine.flow.parse(batch)))
    return float(cpu)


def _time(work: Callable[[], Result]) -> tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", Result]:
    began, cpu = time.perf_counter(), time.process_time()
    result = work()
    return np.array((time.perf_counter() - began, time.process_time() - cpu)), result


def _to_cost(name: str, rounds: Sequence[tuple[float, float]], events: int) -> StageCost:
    # A difference of two passes has no clock of its own.
    rate = None if name == "extract" else _spread([events / max(clock, 1e-9) for clock, _ in rounds])
    return StageCost(_spread([cpu / events * 1e6 for _, cpu in rounds]), rate)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))

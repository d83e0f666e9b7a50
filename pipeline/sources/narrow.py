"""Leaves out the multi-line rules that cannot join any of the lines at hand, so that these need not be chosen twice.

Joining asks which rule chooses a line, and choosing is the dearest step. A rule whose pattern for continuation lines
matches nearly everything, or that tells first lines by a time stamp as many sources write it, makes it ask about all
lines of a file that holds none of that rule's. Whether a rule's own patterns match any line is cheap to see.
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import polars as pl

from parsers.events.multiline import NOT_CHOSEN, Join, Joins, OpenEvent
from parsers.events.prepare import SEEN_CHARACTERS
from parsers.patterns.extract import PatternExtractor
from parsers.ruleset import RuleSet

Narrow: TypeAlias = Callable[[pl.DataFrame, OpenEvent | None], Joins]
"""From lines, and the event that those before them left open, to the joins that can have a say there."""

# First lines of the most different sources: a continuation pattern that matches one of them is no sign of a rule.
_FIRST_LINES = (
    "x",
    "Started",
    "2026-07-01 10:00:00.123 x",
    "192.0.2.1 - - [01/Jul/2026",
    "<14>x",
    "Jul  1 10:00:00 web-1 x[1]: x",
)
_GROUP = re.compile(r"\(\?P<[A-Za-z0-9]+>")
_KEPT_SETS = 16


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A join that would make many lines matter. `lines` is matched, at least, by every line that its rule chooses."""

    join: Join
    lines: str


def build_narrow(rule_set: RuleSet, joins: Joins) -> Narrow:
    """How `joins`, those of the rule set, are narrowed. The events are those that all of them would have made."""
    doubtful = _find_doubtful(rule_set, joins)
    starting = [item for item in doubtful.values() if item.join.is_start]
    starts = _unite([item.join.linear for item in starting])
    started = _unite([item.lines for item in starting])

    @lru_cache(maxsize=_KEPT_SETS)
    def keep(present: frozenset[int]) -> Joins:
        return _leave_out(joins, doubtful.keys() - present)

    def narrow(lines: pl.DataFrame, opened: OpenEvent | None) -> Joins:
        texts = lines["event.original"]
        if not doubtful or _is_changed_before_matching(texts):
            return joins
        present = {opened.rule} & doubtful.keys() if opened is not None else set()
        # Each of these goes over all lines, and in most files the second leaves none for the many that follow.
        first = texts
        for united in (starts, started):
            if united is not None and len(first):
                first = first.filter(first.str.contains(united))
        for rule, item in doubtful.items():
            if rule not in present and _is_present(item, first if item.join.is_start else texts):
                present.add(rule)
        return keep(frozenset(present))

    return narrow


def _leave_out(joins: Joins, rules: Set[int]) -> Joins:
    kept = tuple(join for join in joins.joins if join.rule not in rules)
    of_rule = np.full_like(joins.of_rule, NOT_CHOSEN)
    of_rule[[join.rule for join in kept]] = np.arange(len(kept))
    linear = [join.linear for join in kept if not join.is_start and join.linear is not None]
    return Joins(kept, of_rule, joins.is_free, _unite(linear))


def _find_doubtful(rule_set: RuleSet, joins: Joins) -> Mapping[int, _Doubtful]:
    patterns: dict[int, list[str | None]] = {}
    for entry in rule_set.compiled.root.entries:
        linear = entry.extractor.linear if isinstance(entry.extractor, PatternExtractor) else None
        patterns.setdefault(entry.rule, []).append(linear)
    found: dict[int, _Doubtful] = {}
    first_lines = pl.Series(_FIRST_LINES)
    for join in joins.joins:
        is_wide = join.is_start or (join.linear is not None and join.match(first_lines).any())
        lines = _unite(patterns.get(join.rule, []))
        if is_wide and join.linear is not None and lines is not None:
            found[join.rule] = _Doubtful(join, lines)
    return found


def _is_present(item: _Doubtful, texts: pl.Series) -> bool:
    if item.join.is_start and len(texts):
        texts = texts.filter(item.join.match(texts))
    return bool(len(texts)) and bool(texts.str.contains(item.lines).any())


def _is_changed_before_matching(texts: pl.Series) -> bool:
    """Whether patterns see some line otherwise than it is: see `prepare_lines`."""
    longest = texts.str.len_bytes().max()
    is_long = isinstance(longest, int) and longest > SEEN_CHARACTERS
    return is_long or bool(texts.str.contains("\x1b", literal=True).any())


def _unite(patterns: Sequence[str | None]) -> str | None:
    """One pattern that matches where any of them does; None if there is none, or one cannot be had or is too large."""
    linear = [pattern for pattern in patterns if pattern is not None]
    if not linear or len(linear) < len(patterns):
        return None
    # A name may stand in a pattern once; here nothing is captured.
    united = "|".join(f"(?:{_GROUP.sub('(?:', pattern)})" for pattern in dict.fromkeys(linear))
    try:
        pl.Series([""]).str.contains(united)
    except pl.exceptions.ComputeError:
        return None
    return united

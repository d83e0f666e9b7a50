"""Finds the tests that a change of rules can have an effect on."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.chains import list_chain
from parsers.events.compile import hash_rules
from parsers.events.prepare import HEAD, prepare_lines
from parsers.events.when import Router
from parsers.model import Rule, RuleTest
from parsers.patterns.choose import Chooser
from parsers.reading.read_nodes import flatten
from parsers.ruleset import EXPERIMENTAL, RuleSet
from parsers.testing.ruletest import build_line_frame

IntArray: TypeAlias = npt.NDArray[np.int64]


def find_changed(rules: Sequence[Rule], earlier: Sequence[Rule]) -> frozenset[str]:
    """The names of rules that are new, say something else or are tried in another order than before.

    So are those of all rules that read on from such a rule. Both sequences are in the order in which rules are tried.
    """
    before = {rule.name: rule for rule in earlier}
    changed = {rule.name for rule in rules if rule.name not in before or _differs(rule, before[rule.name])}
    # A rule that reads on from one that is gone has lost its way, too.
    changed |= before.keys() - {rule.name for rule in rules}
    # Of two rules that both match a line the first takes it.
    changed |= _find_moved(
        *([rule.name for rule in them if rule.name not in changed] for them in (rules, earlier))
    )
    while True:
        more = {rule.name for rule in rules if rule.name not in changed and changed.intersection(rule.after)}
        if not more:
            return frozenset(changed)
        changed |= more


def find_affected_tests(rule_set: RuleSet, earlier: RuleSet) -> list[tuple[Rule, RuleTest]]:
    """The tests whose outcome may differ between two rule sets, with their rules.

    Every line goes to one root rule and from there to rules that read on. Where that root is the same as before and no
    rule that reads on from it has changed, the line ends as it did, but for what enrichments add that have changed.
    Tests of experimental rules come last.
    """
    changed = find_changed(rule_set.rules, earlier.rules)
    known = {rule.name: rule.tests for rule in earlier.rules}
    tests = [(rule, test) for rule in rule_set.rules for test in rule.tests]
    affected = _find_affected_lines(rule_set, earlier, [test for _, test in tests], changed)
    sees_enrichments = _see_enrichments(rule_set, earlier)
    found = [
        (rule, test)
        for place, (rule, test) in enumerate(tests)
        if place in affected
        or rule.name in changed
        or test not in known.get(rule.name, ())
        or sees_enrichments(test)
    ]
    tried = rule_set.experimental
    if tried is None:
        return found
    if earlier.experimental is not None:
        more = find_affected_tests(tried, earlier.experimental)
    else:
        more = [(rule, test) for rule in tried.rules for test in rule.tests]
    return found + [(rule, test) for rule, test in more if rule.status == EXPERIMENTAL]


def find_possible_lines(rule_set: RuleSet, earlier: RuleSet, lines: pl.DataFrame) -> IntArray:
    """The rows of a line frame that may end otherwise than under `earlier`, ascending; often more than those that do.

    One scan of the lines, without extracting anything, so that it costs little where few rules have changed.
    """
    return _find_possible_lines(rule_set, earlier, lines, find_changed(rule_set.rules, earlier.rules))


def _find_affected_lines(
    rule_set: RuleSet, earlier: RuleSet, tests: Sequence[RuleTest], changed: Collection[str]
) -> Collection[int]:
    if not tests:
        return ()
    lines = build_line_frame(tests)
    rows = _find_possible_lines(rule_set, earlier, lines, changed)
    if not len(rows):
        return ()
    roots = _find_roots(changed, rule_set.rules) | _find_roots(changed, earlier.rules)
    possible = lines[rows]
    chosen = zip(rows.tolist(), _choose(rule_set, possible), _choose(earlier, possible), strict=True)
    return {row for row, new, old in chosen if new != old or new in roots}


def _see_enrichments(rule_set: RuleSet, earlier: RuleSet) -> Callable[[RuleTest], bool]:
    """Whether a test's outcome may depend on how the enrichments of both rule sets differ."""
    if rule_set.enrichments_hash == earlier.enrichments_hash:
        return lambda _: False
    # One may fill what another looks up, so what any of them fills may have changed.
    filled: set[str] = set()
    for item in (*rule_set.source.found_enrichments, *earlier.source.found_enrichments):
        filled.update(item.lookup.to.values() if item.lookup is not None else ())
        filled.update(source.removesuffix("ip") + part for source in item.sources for part in ("geo.", "as."))
        filled.update(("related.",) if item.kind == "related" else ())
    begins = tuple(filled)
    return lambda test: test.exact or any(name.startswith(begins) for name in flatten(test.expect or {}))


def _find_possible_lines(
    rule_set: RuleSet, earlier: RuleSet, lines: pl.DataFrame, changed: Collection[str]
) -> IntArray:
    possible = np.zeros(lines.height, dtype=np.bool_)
    frame = prepare_lines(lines)
    for rules in (rule_set, earlier):
        _mark_candidates(rules, _find_roots(changed, rules.rules), frame, possible)
    return np.flatnonzero(possible)


def _mark_candidates(
    rule_set: RuleSet, names: Collection[str], frame: pl.DataFrame, possible: npt.NDArray[np.bool_]
) -> None:
    """Mark the rows of a prepared frame for which a scan finds a pattern of a rule named, whatever is tried first."""
    root, rules = rule_set.compiled.root, rule_set.rules
    is_wanted = np.array([rules[entry.rule].name in names for entry in root.entries], dtype=np.bool_)
    router, everywhere = Router(frame), np.ones(frame.height, dtype=np.bool_)
    for group in root.groups:
        is_mine = is_wanted[group.numbers]
        if not is_mine.any():
            continue
        rows = router.find_rows(group.when, everywhere)
        if len(rows):
            found = _narrow(group.chooser, is_mine).find_candidates(frame[HEAD].gather(rows))
            possible[rows[found.lines[is_mine[found.patterns]]]] = True


def _narrow(chooser: Chooser, is_wanted: npt.NDArray[np.bool_]) -> Chooser:
    """The chooser with those databases alone that hold a wanted pattern; they may hold others, too."""
    parts = tuple(
        (start, tuple(placed for placed in shards if is_wanted[placed.numbers].any()))
        for start, shards in chooser.parts
    )
    return replace(chooser, parts=parts, always=tuple(at for at in chooser.always if is_wanted[at]))


def _find_roots(names: Collection[str], rules: Sequence[Rule]) -> frozenset[str]:
    """The rules from whose lines the rules named may get theirs, directly or by others; themselves included."""
    by_name = {rule.name: rule for rule in rules}
    known = (by_name[name] for name in names if name in by_name)
    return frozenset(before for rule in known for before in list_chain(rule, by_name))


def _find_moved(names: Sequence[str], before: Sequence[str]) -> frozenset[str]:
    """The fewest of the names without which both sequences, which hold the same, are in the same order."""
    if names == before:
        return frozenset()
    place = {name: at for at, name in enumerate(before)}
    # The longest run of names whose places rise: for each length that of the lowest last place, with the one before.
    lowest: list[int] = []
    previous: dict[int, int | None] = {}
    for at in map(place.__getitem__, names):
        length = bisect_left(lowest, at)
        previous[at] = lowest[length - 1] if length else None
        lowest[length : length + 1] = [at]
    kept: set[int] = set()
    last = lowest[-1] if lowest else None
    while last is not None:
        kept.add(last)
        last = previous[last]
    return frozenset(name for name, at in place.items() if at not in kept)


def _differs(rule: Rule, before: Rule) -> bool:
    return rule is not before and hash_rules([rule]) != hash_rules([before])


def _choose(rule_set: RuleSet, lines: pl.DataFrame) -> list[str]:
    names = [rule.name for rule in rule_set.rules]
    chosen = rule_set.choose_lines(lines["event.original"], lines)
    return [names[index] if index >= 0 else "" for index in chosen]

"""Measures which patterns, branches, optional groups and map entries the tests of a rule set exercise."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from parsers.coverage.marks import MarkedPattern, mark_pattern
from parsers.coverage.model import Coverage, Item, Kind
from parsers.explain.follow import follow_events
from parsers.explain.model import Taken
from parsers.model import Location, Rule
from parsers.ruleset import RuleSet
from parsers.testing.ruletest import build_line_frame


def measure_coverage(rule_set: RuleSet) -> Coverage:
    """Runs every test's line through the patterns one by one and notes what took part.

    Tests that expect `no_match` exercise nothing of their own rule, but may exercise others.
    """
    if rule_set.experimental is not None:
        stable = measure_coverage(replace(rule_set, experimental=None))
        names = {rule.name for rule in rule_set.rules}
        tried = measure_coverage(rule_set.experimental)
        return Coverage((*stable.items, *(item for item in tried.items if item.rule not in names)))
    tests = [test for rule in rule_set.rules for test in rule.tests]
    taken: defaultdict[str, list[Taken]] = defaultdict(list)
    for chain in follow_events(rule_set, build_line_frame(tests)) if tests else ():
        for step in chain:
            taken[step.rule].append(step)
    return Coverage(
        tuple(item for rule in rule_set.rules for item in _measure_rule(rule, taken.get(rule.name, [])))
    )


def _measure_rule(rule: Rule, taken: Sequence[Taken]) -> Iterator[Item]:
    # A fragment's branch counts once, however many patterns hold the fragment.
    places: dict[tuple[Kind, str], tuple[Location, bool]] = {}
    for number, pattern in enumerate(rule.patterns, start=1):
        texts = [step.text for step in taken if step.pattern == number]
        yield Item(rule.name, "pattern", f"pattern {number}", pattern.location, bool(texts))
        marked = mark_pattern(pattern.text, rule)
        exercised = _find_exercised(marked, texts)
        for mark in marked.marks:
            kind: Kind = "branch" if mark.is_branch else "optional group"
            where = f"fragment {mark.fragment}" if mark.fragment else f"pattern {number}"
            key = (kind, f"{kind} `{mark.shown}` of {where}")
            location, before = places.get(key, (pattern.location, False))
            places[key] = (location, before or mark.name in exercised)
    for (kind, what), (location, is_exercised) in places.items():
        yield Item(rule.name, kind, what, location, is_exercised)
    for value_map in rule.map:
        seen = _find_values(value_map.source, taken)
        for value in value_map.values:
            what = f"entry '{value}' of the map of {value_map.target}"
            yield Item(rule.name, "map entry", what, value_map.location, value in seen)


def _find_exercised(marked: MarkedPattern, texts: Sequence[str]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for text in texts:
        found |= marked.find_exercised(text)
    return found


def _find_values(source: str, taken: Sequence[Taken]) -> frozenset[str]:
    captured: list[Mapping[str, str]] = [step.captures for step in taken]
    return frozenset(values[source] for values in captured if source in values)

"""Rules and patterns that no line reaches, because another takes every line first."""

from collections import Counter
from collections.abc import Iterator

import polars as pl

from parsers.errors import Problem
from parsers.explain.follow import follow_events, read_rule_pattern
from parsers.explain.model import Taken
from parsers.lint.sample import make_samples
from parsers.model import Pattern, Rule
from parsers.ruleset import RuleSet
from parsers.testing.ruletest import build_line_frame


def lint_reached(rule_set: RuleSet) -> Iterator[Problem]:
    """A warning for each pattern of a rule that reads lines of which only other patterns take the texts made from it.

    Lines of the rule's own tests count as well: a pattern that a test reaches is not shadowed. Rules that read on from
    others, and rules with `when`, get their lines by other ways and are judged by their tests alone.
    """
    reached = _find_reached_by_tests(rule_set)
    asked: list[tuple[Rule, int, Pattern]] = []
    texts: list[str] = []
    for rule in rule_set.rules:
        for number, pattern in enumerate(rule.patterns, start=1):
            if (rule.name, number) in reached or rule.after or rule.when:
                continue
            for text in make_samples(read_rule_pattern(rule, pattern)):
                asked.append((rule, number, pattern))
                texts.append(text)
    if not texts:
        return
    chains = follow_events(rule_set, pl.DataFrame({"event.original": texts, "_time": [0] * len(texts)}))
    takers: dict[tuple[str, int], list[Taken | None]] = {}
    places: dict[tuple[str, int], Pattern] = {}
    for (rule, number, pattern), chain in zip(asked, chains, strict=True):
        takers.setdefault((rule.name, number), []).append(chain[0] if chain else None)
        places[rule.name, number] = pattern
    for (name, number), taken in takers.items():
        others = [f"pattern {one.pattern} of rule '{one.rule}'" for one in taken if one is not None
                  and (one.rule, one.pattern) != (name, number)]  # fmt: skip
        if len(others) == len(taken):
            taker, _ = Counter(others).most_common(1)[0]
            message = (
                f"pattern {number} of rule '{name}' is shadowed: {taker} takes the lines that it would take"
            )
            hint = (
                "put it first, raise the rule's priority, or remove it; a test that reaches it silences this"
            )
            yield Problem(places[name, number].location, message, hint, "warning")


def _find_reached_by_tests(rule_set: RuleSet) -> set[tuple[str, int]]:
    tests = [test for rule in rule_set.rules for test in rule.tests]
    if not tests:
        return set()
    chains = follow_events(rule_set, build_line_frame(tests))
    return {(taken.rule, taken.pattern) for chain in chains for taken in chain}

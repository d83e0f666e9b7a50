"""Finds the tests that a change of rules can have an effect on."""

from collections.abc import Collection, Sequence

import polars as pl

from parsers.chains import list_chain
from parsers.events.compile import hash_rules
from parsers.model import Rule, RuleTest
from parsers.ruleset import RuleSet
from parsers.testing.ruletest import build_line_frame


def find_changed(rules: Sequence[Rule], earlier: Sequence[Rule]) -> frozenset[str]:
    """The names of rules that are new or say something else than before, and of all that read on from such a rule."""
    before = {rule.name: rule for rule in earlier}
    changed = {rule.name for rule in rules if rule.name not in before or _differs(rule, before[rule.name])}
    # A rule that reads on from one that is gone has lost its way, too.
    changed |= before.keys() - {rule.name for rule in rules}
    while True:
        more = {rule.name for rule in rules if rule.name not in changed and changed.intersection(rule.after)}
        if not more:
            return frozenset(changed)
        changed |= more


def find_affected_tests(rule_set: RuleSet, earlier: RuleSet) -> list[tuple[Rule, RuleTest]]:
    """The tests whose outcome may differ between two rule sets, with their rules.

    Every line goes to one root rule and from there to rules that read on. Where that root is the same as before and no
    rule that reads on from it has changed, the line ends as it did. Experimental rules are not looked at.
    """
    changed = find_changed(rule_set.rules, earlier.rules)
    roots = _find_roots(changed, rule_set.rules) | _find_roots(changed, earlier.rules)
    tests = [(rule, test) for rule in rule_set.rules for test in rule.tests]
    if not tests:
        return []
    lines = build_line_frame([test for _, test in tests])
    now, before = _choose(rule_set, lines), _choose(earlier, lines)
    known = {rule.name: rule.tests for rule in earlier.rules}
    return [
        (rule, test)
        for (rule, test), new, old in zip(tests, now, before, strict=True)
        if rule.name in changed or new != old or new in roots or test not in known.get(rule.name, ())
    ]


def _find_roots(names: Collection[str], rules: Sequence[Rule]) -> frozenset[str]:
    """The rules from whose lines the rules named may get theirs, directly or by others; themselves included."""
    by_name = {rule.name: rule for rule in rules}
    known = (by_name[name] for name in names if name in by_name)
    return frozenset(before for rule in known for before in list_chain(rule, by_name))


def _differs(rule: Rule, before: Rule) -> bool:
    return rule is not before and hash_rules([rule]) != hash_rules([before])


def _choose(rule_set: RuleSet, lines: pl.DataFrame) -> list[str]:
    names = [rule.name for rule in rule_set.rules]
    heads = lines["event.original"].str.splitn("\n", 2).struct.field("field_0")
    return [names[index] if index >= 0 else "" for index in rule_set.choose_lines(heads, lines)]

"""All that lint has to say about a rule set."""

from collections.abc import Collection, Sequence

from parsers.errors import Problem, is_error
from parsers.lint.anchors import lint_anchors
from parsers.lint.backtracking import lint_backtracking
from parsers.lint.fields import lint_conflicts, lint_fields
from parsers.lint.reached import lint_reached
from parsers.model import Rule
from parsers.ruleset import EXPERIMENTAL, RuleSet


def find_read_fields(rule: Rule, rules: Sequence[Rule]) -> frozenset[str]:
    """The fields of a rule's events that rules reading on from it read, by `field`, `when` or `map`."""
    found: set[str] = set()
    waiting, seen = [rule.name], {rule.name}
    while waiting:
        parent = waiting.pop()
        for child in rules:
            if parent not in child.after or child.name in seen:
                continue
            seen.add(child.name)
            waiting.append(child.name)
            found.add(child.field)
            found |= {condition.field for every in child.when for condition in every}
            found |= {item.source for item in child.map}
            if child.timestamp is not None:
                found.add(child.timestamp.field)
    return frozenset(found)


def lint_changed(rule_set: RuleSet, changed: Collection[str]) -> tuple[Problem, ...]:
    """The errors alone, of the rules named and between all: what keeps a change from going live."""
    experimental = rule_set.experimental
    rules = [*rule_set.rules, *(() if experimental is None else experimental.rules)]
    problems = [problem for rule in rules if rule.name in changed for problem in lint_backtracking(rule)]
    problems += lint_conflicts(rule_set.rules, rule_set.compiled.patterns)
    return tuple(sorted(filter(is_error, problems), key=lambda problem: problem.location))


def lint_rules(rule_set: RuleSet) -> tuple[Problem, ...]:
    """Errors (a line can hold a pattern up; a field has two types) and warnings, ordered by place."""
    problems: list[Problem] = []
    experimental = rule_set.experimental
    tried = () if experimental is None else experimental.rules
    rules = [*rule_set.rules, *(rule for rule in tried if rule.status == EXPERIMENTAL)]
    for rule in rules:
        problems += lint_backtracking(rule)
        problems += lint_anchors(rule)
        problems += lint_fields(rule, find_read_fields(rule, rules))
    problems += lint_conflicts(rules)
    problems += lint_reached(rule_set)
    return tuple(sorted(problems, key=lambda problem: problem.location))

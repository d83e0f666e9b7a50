"""Patterns that may begin or end anywhere in a line."""

from collections.abc import Iterator

from parsers.errors import Problem
from parsers.explain.follow import read_rule_pattern
from parsers.model import Rule
from parsers.patterns.groups import split_branches
from parsers.patterns.tokens import Token


def lint_anchors(rule: Rule) -> Iterator[Problem]:
    """A warning for each pattern that does not begin with `^` or not end with `$`.

    A rule that reads on from another may look for a word in a text that is known to be its program's.
    """
    if rule.after:
        return
    for pattern in rule.patterns:
        branches = split_branches(read_rule_pattern(rule, pattern).tokens)
        begins = all(_has_anchor(branch, "^", 0) for branch in branches)
        ends = all(_has_anchor(branch, "$", -1) for branch in branches)
        if not begins:
            message = "the pattern may begin anywhere in the line"
            yield Problem(
                pattern.location,
                message,
                "begin it with ^, so that it takes no other program's lines",
                "warning",
            )
        if not ends:
            message = "the pattern may end anywhere in the line"
            yield Problem(
                pattern.location, message, "end it with $, or with (?P<message>.*)$ for the rest", "warning"
            )


def _has_anchor(branch: tuple[Token, ...], anchor: str, place: int) -> bool:
    tokens = [token for token in branch if token.kind != "flags"]
    return bool(tokens) and tokens[place] == Token("anchor", anchor)

"""Cuts the tokens of a pattern into steps: what has to match one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.patterns.tokens import Token

OPENING = ("open", "name", "look")


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of a sequence with its quantifier: a character, a class, an anchor, or a whole group.

    `branches` holds a group's alternatives, each a sequence of tokens; empty for what is no group, and for groups
    that cannot be looked into on their own (look-around, atomic groups).
    """

    tokens: tuple[Token, ...]
    branches: tuple[tuple[Token, ...], ...] = ()
    is_optional: bool = False

    @property
    def name(self) -> str | None:
        """The field that the group captures, None where it captures none."""
        return self.tokens[0].text if self.tokens[0].kind == "name" else None


def split_steps(tokens: Sequence[Token]) -> tuple[Step, ...]:
    """The steps of a sequence without an alternation at its top; flags are left out."""
    steps: list[Step] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        stop = _find_close(tokens, at) + 1 if token.kind in OPENING else at + 1
        inner = tuple(tokens[at + 1 : stop - 1]) if token.kind in ("open", "name") else ()
        quantified = stop < len(tokens) and tokens[stop].kind == "quantifier"
        quantifier = tokens[stop].text if quantified else ""
        if token.kind != "flags":
            steps.append(
                Step(
                    tuple(tokens[at : stop + quantified]),
                    split_branches(inner) if token.kind in ("open", "name") else (),
                    quantifier[:1] in ("?", "*") or quantifier.startswith("{0"),
                )
            )
        at = stop + quantified
    return tuple(steps)


def split_branches(tokens: Sequence[Token]) -> tuple[tuple[Token, ...], ...]:
    """The alternatives of a sequence, cut at each `|` that is in no group."""
    branches: list[tuple[Token, ...]] = []
    depth, start = 0, 0
    for at, token in enumerate(tokens):
        depth += token.kind in OPENING
        depth -= token.kind == "close"
        if token.kind == "or" and depth == 0:
            branches.append(tuple(tokens[start:at]))
            start = at + 1
    branches.append(tuple(tokens[start:]))
    return tuple(branches)


def _find_close(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for at in range(opening, len(tokens)):
        depth += tokens[at].kind in OPENING
        depth -= tokens[at].kind == "close"
        if depth == 0:
            return at
    raise ValueError("a group that is not closed")

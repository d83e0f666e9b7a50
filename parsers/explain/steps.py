"""Cuts the tokens of a pattern into steps: what has to match one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.patterns.groups import OPENING, find_close, split_branches
from parsers.patterns.tokens import Token


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
        stop = find_close(tokens, at) + 1 if token.kind in OPENING else at + 1
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

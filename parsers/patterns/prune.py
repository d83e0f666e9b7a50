"""Leaves out of a pattern what lines of one start cannot have: other forms of a time stamp, a priority before it.

Lines are parted by how they begin before they are scanned (see `parsers.patterns.starts`). An automaton for six forms
of a time costs several times that of the one form that a line with four digits in front may have.
"""

from collections.abc import Sequence

from parsers.patterns.groups import TAKING, find_close, split_branches
from parsers.patterns.starts import Start, find_token_starts
from parsers.patterns.tokens import Token

_OPTIONAL = (Token("quantifier", "?"), Token("quantifier", "??"))
_OR = Token("or", "|")


def prune_pattern(tokens: Sequence[Token], start: Start) -> tuple[Token, ...]:
    """The tokens without the first alternatives and options that no line of that start has.

    Of lines with this start the result matches the same ones; captures that are left out are missing in it.
    """
    left = tuple(tokens)
    at = 1 if left and left[0].kind == "flags" else 0
    if at >= len(left) or left[at] != Token("anchor", "^") or len(split_branches(left)) > 1:
        return left
    at += 1
    while at < len(left):
        is_group = left[at].kind in TAKING
        if not is_group and left[at].kind not in ("literal", "class", "any"):
            break
        end = find_close(left, at) if is_group else at
        quantifier = left[end + 1] if end + 1 < len(left) and left[end + 1].kind == "quantifier" else None
        if quantifier is not None:
            # `^x?y`: what is left of it is `^y` or `^xy`.
            without, given = left[:at] + left[end + 2 :], left[: end + 1] + left[end + 2 :]
            is_given = _may_start(given, start)
            if quantifier not in _OPTIONAL or _may_start(without, start) == is_given:
                break
            left = given if is_given else without
        elif is_group:
            branches = split_branches(left[at + 1 : end])
            kept = [
                branch for branch in branches if _may_start((*left[: at + 1], *branch, *left[end:]), start)
            ]
            if not kept:
                break
            left = (*left[: at + 1], *_join(kept), *left[end:])
            if len(kept) > 1:
                break
            at += 1
        else:
            break
    return left


def _may_start(tokens: Sequence[Token], start: Start) -> bool:
    return start in find_token_starts(tokens)


def _join(branches: Sequence[tuple[Token, ...]]) -> tuple[Token, ...]:
    first, *others = branches
    return (*first, *(token for branch in others for token in (_OR, *branch)))

"""Leaves out alternatives that another one holds, for the scan: `(?:GET|POST|[^"]*)` is no more than `[^"]*`.

An automaton has to follow all alternatives side by side, most of a line long where one of them takes any text.
"""

from collections.abc import Sequence

from parsers.patterns.groups import TAKING, find_close, split_branches
from parsers.patterns.tokens import NEWLINE, Range, Token, complement


def absorb_alternatives(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens with every group in which one alternative repeats a class of characters (`[^"]*`) as that alone.

    The other alternatives have to be made of characters of the class. The result matches the same texts; captures that
    are left out are missing in it.
    """
    if tokens and tokens[0].kind == "flags":
        return tuple(tokens)
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind in TAKING and not token.text.startswith("(?i"):
            end = find_close(tokens, at)
            out += [token, *_absorb(tokens[at + 1 : end]), tokens[end]]
            at = end + 1
        else:
            out.append(token)
            at += 1
    return tuple(out)


def _absorb(tokens: Sequence[Token]) -> tuple[Token, ...]:
    branches = split_branches(tokens)
    if len(branches) > 1:
        for branch in branches:
            held = _find_repeated(branch)
            if held is not None and all(_is_made_of(other, held) for other in branches):
                return branch
    return absorb_alternatives(tokens)


def _find_repeated(branch: Sequence[Token]) -> tuple[Range, ...] | None:
    """The characters that a branch takes any number of, and nothing else; None for other branches."""
    if len(branch) != 2 or branch[1] not in (Token("quantifier", "*"), Token("quantifier", "*?")):
        return None
    return _list_characters(branch[0])


def _list_characters(token: Token) -> tuple[Range, ...] | None:
    """What a token for one character matches; None for other tokens, and for parts of Unicode by name."""
    match token.kind:
        case "literal":
            return ((ord(token.text), ord(token.text)),)
        case "any":
            return complement(NEWLINE)
        case "class" if not token.properties and not token.negated:
            return token.ranges
    return None


def _is_made_of(branch: Sequence[Token], held: Sequence[Range]) -> bool:
    for token in branch:
        if token.kind in ("quantifier", "or", "close", "anchor", "boundary"):
            continue
        if token.kind in TAKING and not token.text.startswith("(?i"):
            continue
        characters = _list_characters(token)
        if characters is None or not all(_holds(held, bounds) for bounds in characters):
            return False
    return True


def _holds(held: Sequence[Range], bounds: Range) -> bool:
    return any(low <= bounds[0] and bounds[1] <= high for low, high in held)

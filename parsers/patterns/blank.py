"""Finds the captures that may hold nothing: an empty text, or the lone `-` of access logs."""

from collections.abc import Sequence
from typing import TypeAlias

from parsers.patterns.tokens import ReadPattern, Token

_DASH = 0x2D
# Whether a piece can match an empty text, and whether a lone `-`.
_Blank: TypeAlias = tuple[bool, bool]
_EMPTY: _Blank = (True, False)


def find_blankable(pattern: ReadPattern) -> frozenset[str]:
    """The names of captures that may hold an empty text or a lone `-`; most cannot, and are saved the check.

    Where it takes more than a look at the pattern's shape (look-around, back-references), a capture counts as one.
    """
    found: set[str] = set()
    _read_alternation(pattern.tokens, 0, found)
    return frozenset(found)


def _read_alternation(tokens: Sequence[Token], at: int, found: set[str]) -> tuple[_Blank, int]:
    """What the tokens from `at` up to the end of their group can be, and where that end is."""
    any_empty = any_dash = False
    current = _EMPTY
    while at < len(tokens) and tokens[at].kind != "close":
        if tokens[at].kind == "or":
            any_empty, any_dash = any_empty or current[0], any_dash or current[1]
            current = _EMPTY
            at += 1
            continue
        piece, at = _read_piece(tokens, at, found)
        if at < len(tokens) and tokens[at].kind == "quantifier":
            piece = _repeat(piece, tokens[at].text)
            at += 1
        current = (
            current[0] and piece[0],
            (current[0] and piece[1]) or (current[1] and piece[0]),
        )
    return (any_empty or current[0], any_dash or current[1]), at


def _read_piece(tokens: Sequence[Token], at: int, found: set[str]) -> tuple[_Blank, int]:
    token = tokens[at]
    match token.kind:
        case "open" | "name" | "look":
            inner, end = _read_alternation(tokens, at + 1, found)
            piece = (True, True) if token.kind == "look" and token.text != "(?>" else inner
            if token.kind == "name" and any(piece):
                found.add(token.text)
            return piece, end + 1
        case "literal":
            return (False, token.text == "-"), at + 1
        case "any":
            return (False, True), at + 1
        case "class":
            has_dash = any(low <= _DASH <= high for low, high in token.ranges)
            return (False, has_dash or bool(token.properties) or token.negated), at + 1
        case "backreference":
            return (True, True), at + 1
        case _:
            return _EMPTY, at + 1


def _repeat(piece: _Blank, quantifier: str) -> _Blank:
    if quantifier[0] in "*?":
        return (True, piece[1])
    if quantifier[0] == "+":
        return piece
    low, _, high = quantifier[1 : quantifier.index("}")].partition(",")
    least = int(low or 0)
    most = least if "," not in quantifier else int(high) if high else 2
    can_be_dash = piece[1] and most >= 1 and (least <= 1 or piece[0])
    return (least == 0 or piece[0], can_be_dash)

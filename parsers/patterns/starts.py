"""How lines may begin that a pattern matches: half of all patterns begin with a year, and need not see other lines.

What a scan costs a line grows with the patterns that it holds: an automaton for two hundred forms of time stamp runs
over every access line. So lines are parted by their first characters, and each part is scanned for its own patterns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import polars as pl

from parsers.patterns.groups import OPENING, find_branch_end
from parsers.patterns.tokens import ReadPattern, Token

Start: TypeAlias = Literal["year", "number", "other"]
"""The line begins with four digits, with fewer, or with something else."""

STARTS: tuple[Start, ...] = ("year", "number", "other")
_LOOKED_AT = 4
_LONG = frozenset((_LOOKED_AT,))
_DIGITS = (0x30, 0x39)
_ANYTHING = frozenset(STARTS)


@dataclass(slots=True)
class _Prefix:
    """Of texts that match: whether there can be a digit, or something else, at each of the first places.

    `lengths`: how long such a text can be, `pure`: how long one of digits alone, `lead`: with how many digits one can
    begin. What is longer counts as `_LOOKED_AT`.
    """

    digit: list[bool]
    other: list[bool]
    lengths: set[int]
    pure: set[int]
    lead: int


def find_starts(pattern: ReadPattern) -> frozenset[Start]:
    """The starts of lines that the pattern may match; all of them where its shape does not tell."""
    return find_token_starts(pattern.tokens)


def find_token_starts(tokens: Sequence[Token]) -> frozenset[Start]:
    """As `find_starts`, of a pattern's tokens."""
    if tokens and tokens[0].kind == "flags":
        tokens = tokens[1:]
    if not tokens or tokens[0] != Token("anchor", "^") or _is_alternation(tokens):
        return _ANYTHING
    prefix, _ = _read_alternation(tokens, 1)
    for length in prefix.lengths:
        # Whatever is behind the pattern's end: it need not reach the line's.
        for place in range(length, _LOOKED_AT):
            prefix.digit[place] = prefix.other[place] = True
    found: set[Start] = set()
    if prefix.lead == _LOOKED_AT or prefix.pure:
        found.add("year")
    if prefix.digit[0] and any(prefix.other[1:]):
        found.add("number")
    if prefix.other[0]:
        found.add("other")
    return frozenset(found)


def part_lines(texts: pl.Series) -> dict[Start, pl.Series]:
    """Rows of `texts` by how they begin, ascending; each row is in one part, and parts without rows are left out."""
    frame = texts.to_frame("text").select(
        pl.col("text").str.contains(r"^[0-9]{4}").alias("year"),
        pl.col("text").str.contains("^[0-9]").alias("digit"),
    )
    year, digit = frame["year"], frame["digit"]
    parts: dict[Start, pl.Series] = {
        "year": year.arg_true(),
        "number": (digit & ~year).arg_true(),
        "other": (~digit).arg_true(),
    }
    return {start: rows for start, rows in parts.items() if len(rows)}


def _is_alternation(tokens: Sequence[Token]) -> bool:
    depth = 0
    for token in tokens:
        depth += token.kind in OPENING
        depth -= token.kind == "close"
        if token.kind == "or" and depth == 0:
            return True
    return False


def _read_alternation(tokens: Sequence[Token], at: int) -> tuple[_Prefix, int]:
    """The prefix of the tokens from `at` to the end of their group, and where that end is."""
    whole = _nothing()
    current = _empty()
    while at < len(tokens) and tokens[at].kind != "close":
        if tokens[at].kind == "or":
            _add(whole, current)
            current = _empty()
            at += 1
            continue
        if current.lengths == _LONG:
            # Nothing behind the first places tells how a line begins.
            at = find_branch_end(tokens, at)
            continue
        piece, at = _read_piece(tokens, at)
        quantifier = ""
        if at < len(tokens) and tokens[at].kind == "quantifier":
            quantifier = tokens[at].text
            at += 1
        current = _append(current, _repeat(piece, quantifier))
    _add(whole, current)
    return whole, at


def _read_piece(tokens: Sequence[Token], at: int) -> tuple[_Prefix, int]:
    token = tokens[at]
    if token.kind in OPENING:
        inner, end = _read_alternation(tokens, at + 1)
        return (_empty() if token.kind == "look" and token.text != "(?>" else inner), end + 1
    if token.kind == "backreference":
        return _anything(), at + 1
    if token.kind == "literal":
        is_digit = "0" <= token.text <= "9"
        return _one(is_digit, not is_digit), at + 1
    if token.kind == "any":
        return _one(True, True), at + 1
    if token.kind == "class":
        if token.properties or token.negated:
            return _one(True, True), at + 1
        low, high = _DIGITS
        digit = any(first <= high and last >= low for first, last in token.ranges)
        return _one(digit, any(first < low or last > high for first, last in token.ranges)), at + 1
    return _empty(), at + 1


def _repeat(piece: _Prefix, quantifier: str) -> _Prefix:
    if not quantifier:
        return piece
    least, most = 0, _LOOKED_AT
    if quantifier[0] == "+":
        least = 1
    elif quantifier[0] == "?":
        most = 1
    elif quantifier[0] == "{":
        low, comma, high = quantifier[1 : quantifier.index("}")].partition(",")
        least = min(int(low or 0), _LOOKED_AT)
        most = min(int(high or _LOOKED_AT), _LOOKED_AT) if comma else least
    whole = _nothing()
    current = _empty()
    for count in range(most + 1):
        if count >= least:
            _add(whole, current)
        current = _append(current, piece)
    return whole


def _append(first: _Prefix, second: _Prefix) -> _Prefix:
    joined = _Prefix(list(first.digit), list(first.other), set(), set(), first.lead)
    for length in first.pure:
        joined.pure |= {min(length + more, _LOOKED_AT) for more in second.pure}
        joined.lead = max(joined.lead, min(length + second.lead, _LOOKED_AT))
    for length in first.lengths:
        for place in range(length, _LOOKED_AT):
            joined.digit[place] |= second.digit[place - length]
            joined.other[place] |= second.other[place - length]
        joined.lengths |= {min(length + more, _LOOKED_AT) for more in second.lengths}
    return joined


def _add(whole: _Prefix, more: _Prefix) -> None:
    whole.digit = [a or b for a, b in zip(whole.digit, more.digit, strict=True)]
    whole.other = [a or b for a, b in zip(whole.other, more.other, strict=True)]
    whole.lengths |= more.lengths
    whole.pure |= more.pure
    whole.lead = max(whole.lead, more.lead)


def _one(digit: bool, other: bool) -> _Prefix:
    rest = [False] * (_LOOKED_AT - 1)
    return _Prefix([digit, *rest], [other, *rest], {1}, {1} if digit else set(), int(digit))


def _empty() -> _Prefix:
    return _Prefix([False] * _LOOKED_AT, [False] * _LOOKED_AT, {0}, {0}, 0)


def _nothing() -> _Prefix:
    return _Prefix([False] * _LOOKED_AT, [False] * _LOOKED_AT, set(), set(), 0)


def _anything() -> _Prefix:
    every = set(range(_LOOKED_AT + 1))
    return _Prefix([True] * _LOOKED_AT, [True] * _LOOKED_AT, every, set(every), _LOOKED_AT)

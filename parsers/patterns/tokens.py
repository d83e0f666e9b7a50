"""What a pattern is read into: tokens with classes as ranges of code points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "literal",
    "class",
    "any",
    "anchor",
    "boundary",
    "open",
    "name",
    "look",
    "close",
    "quantifier",
    "or",
    "backreference",
    "flags",
]
Range: TypeAlias = tuple[int, int]

MAXIMUM_CODE_POINT = 0x10FFFF
DIGITS: tuple[Range, ...] = ((0x30, 0x39),)
WORD: tuple[Range, ...] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACES: tuple[Range, ...] = ((0x09, 0x09), (0x0B, 0x0D), (0x20, 0x20))
NEWLINE: tuple[Range, ...] = ((0x0A, 0x0A),)


class PatternError(ValueError):
    """A pattern that cannot be read; `position` counts characters of the pattern as written, from 0."""

    def __init__(self, message: str, position: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.position, self.hint = message, position, hint


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a pattern. `text` is the operator, the literal character, or the group's field name."""

    kind: Kind
    text: str = ""
    ranges: tuple[Range, ...] = ()
    properties: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ReadPattern:
    """The tokens of a pattern, its captures in order, and the types that fragments named."""

    tokens: tuple[Token, ...]
    names: tuple[str, ...]
    types: Mapping[str, str]
    is_linear: bool


def complement(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """All code points outside `ranges` (any order, may overlap)."""
    out: list[Range] = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            out.append((start, low - 1))
        start = max(start, high + 1)
    if start <= MAXIMUM_CODE_POINT:
        out.append((start, MAXIMUM_CODE_POINT))
    return tuple(out)

"""What is known of a pattern once it has been read: its text for each engine. Plain values, so they can be kept."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import regex

from parsers.patterns.always import matches_everything
from parsers.patterns.blank import find_blankable
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import narrow_scan, to_hyperscan, to_polars, to_regex
from parsers.patterns.groups import OPENING
from parsers.patterns.starts import Start, find_starts
from parsers.patterns.tokens import ReadPattern, Token

# Rust's regex refuses what compiles to more than 10 MB, some 100,000 states: far below there is no need to ask.
UNASKED_STATES = 20_000
# A class of characters outside ASCII is so many states at most, by way of UTF-8.
_CLASS_STATES = 40


@dataclass(frozen=True, slots=True)
class PatternParts:
    """A pattern for each engine.

    `linear` is the text for Polars, None where that engine does not take it; then `backtracking` is the text for
    `regex`. `scan` is Hyperscan's, and not `is_exact` where it may match more; `starts` are how lines begin that the
    pattern may match, `narrowed` what Hyperscan gets instead for lines of a start, where that is less. `is_always`: it
    matches every line.
    """

    names: tuple[str, ...]
    types: Mapping[str, str]
    blankable: frozenset[str]
    linear: str | None
    backtracking: str | None
    scan: str
    starts: frozenset[Start]
    narrowed: Mapping[Start, str]
    is_exact: bool
    is_always: bool


def read_parts(text: str, fragments: Mapping[str, str]) -> PatternParts:
    """Reads a pattern as written in a rule, and checks that an engine takes it.

    Raises:
        PatternError: it cannot be read.
        ValueError: no engine takes it.
    """
    return to_parts(read_pattern(text, fragments))


def to_parts(pattern: ReadPattern) -> PatternParts:
    """The parts of a pattern that was read; raises ValueError if no engine takes it."""
    linear = to_polars(pattern)
    if linear is not None and not _is_linear_taken(linear, pattern.tokens):
        # Larger than Rust's size limit: the other engine has none.
        linear = None
    backtracking = to_regex(pattern) if linear is None else None
    if backtracking is not None:
        try:
            regex.compile(backtracking, regex.ASCII | regex.VERSION0)
        except regex.error as error:
            raise ValueError(str(error)) from error
    scan, is_exact = to_hyperscan(pattern)
    starts = find_starts(pattern)
    return PatternParts(
        names=pattern.names,
        types=pattern.types,
        blankable=find_blankable(pattern),
        linear=linear,
        backtracking=backtracking,
        scan=scan,
        starts=starts,
        narrowed=narrow_scan(pattern, starts),
        is_exact=is_exact,
        is_always=matches_everything(pattern),
    )


def _is_linear_taken(linear: str, tokens: Sequence[Token]) -> bool:
    has_properties = any(token.properties for token in tokens)
    if not has_properties and _count_states(tokens) < UNASKED_STATES:
        return True
    try:
        pl.Series([""]).str.extract_groups(linear)
    except pl.exceptions.ComputeError:
        return False
    return True


def _count_states(tokens: Sequence[Token]) -> int:
    """More or less how large an automaton of the tokens is, with all counted repetitions written out."""
    total = 0
    factors = [1]
    factor = 1  # of the piece that ends before the place
    for token in reversed(tokens):
        if token.kind == "quantifier":
            numbers = [int(number) for number in re.findall("[0-9]+", token.text)]
            factor = max([1, *numbers])
            continue
        if token.kind == "close":
            factors.append(factors[-1] * factor)
        elif token.kind in OPENING:
            factors.pop()
        else:
            is_wide = token.kind == "any" or any(high > 0x7F for _, high in token.ranges)
            total += factors[-1] * factor * (_CLASS_STATES if is_wide else 1)
        factor = 1
    return total

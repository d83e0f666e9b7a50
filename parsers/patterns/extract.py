"""Takes captures out of lines: Polars for linear patterns, Python's `regex` with a time limit for others."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import regex

from parsers.patterns.engines import MATCHED, group_name, to_polars, to_regex
from parsers.patterns.tokens import ReadPattern, Token

# A line that costs a pattern more than this is given up: one hostile line must not hold a partition.
LINE_TIMEOUT_SECONDS = 0.05
MISSING = ("", "-")


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one pattern took from n lines.

    `matched` and `timed_out` are Boolean series of n rows, or None for "all" and "none". `columns` is a frame of n
    rows with one String column a capture, null where the group took no part.
    """

    matched: pl.Series | None
    timed_out: pl.Series | None
    columns: pl.DataFrame


@dataclass(frozen=True, slots=True)
class PatternExtractor:
    """One compiled pattern. `blankable`: the captures that may hold nothing (an empty text or a lone `-`)."""

    names: tuple[str, ...]
    blankable: frozenset[str]
    linear: str | None
    fallback: regex.Pattern[str] | None

    def extract(self, texts: pl.Series) -> Extracted:
        """Matches the pattern on every text; see `Extracted`."""
        return self._extract_linear(texts) if self.linear is not None else self._extract_slowly(texts)

    def _extract_linear(self, texts: pl.Series) -> Extracted:
        assert self.linear is not None
        # One plan for all: what a plan costs is paid for every pattern in every batch.
        groups = texts.to_frame("t").select(pl.col("t").str.extract_groups(self.linear).struct.unnest())
        marker = groups.drop_in_place(MATCHED)
        groups.columns = list(self.names)
        return Extracted(marker.is_not_null() if marker.null_count() else None, None, groups)

    def _extract_slowly(self, texts: pl.Series) -> Extracted:
        assert self.fallback is not None
        matched, timed_out = [], []
        values: list[list[str | None]] = [[] for _ in self.names]
        for text in texts:
            found, late = None, False
            try:
                found = self.fallback.search(text, timeout=LINE_TIMEOUT_SECONDS)
            except TimeoutError:
                late = True
            matched.append(found is not None)
            timed_out.append(late)
            for index, column in enumerate(values):
                column.append(found[group_name(index)] if found else None)
        data = {
            name: pl.Series(name, column, dtype=pl.String)
            for name, column in zip(self.names, values, strict=True)
        }
        return Extracted(
            None if all(matched) else pl.Series(matched, dtype=pl.Boolean),
            pl.Series(timed_out, dtype=pl.Boolean) if any(timed_out) else None,
            pl.DataFrame(data),
        )


def blank_to_null(columns: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The columns with nulls where one of `names` holds an empty text or a lone `-`: both mean "not there"."""
    blank = [
        pl.when(~pl.col(name).is_in(MISSING)).then(pl.col(name)).alias(name)
        for name in names
        if name in columns.columns
    ]
    return columns.with_columns(blank) if blank else columns


def build_extractor(pattern: ReadPattern, *, reference: bool = False) -> PatternExtractor:
    """Compiles a pattern; `reference` forces the `regex` engine, which differential tests compare with.

    Raises:
        ValueError: an engine refuses the pattern.
    """
    linear = None if reference else to_polars(pattern)
    if linear is not None:
        try:
            pl.Series([""]).str.extract_groups(linear)
        except pl.exceptions.ComputeError:
            # Larger than Rust's size limit: the other engine has none.
            linear = None
    fallback = None
    if linear is None:
        try:
            fallback = regex.compile(to_regex(pattern), regex.ASCII | regex.VERSION0)
        except regex.error as error:
            raise ValueError(str(error)) from error
    blankable = frozenset(name for name in pattern.names if _may_be_blank(pattern, name))
    return PatternExtractor(pattern.names, blankable, linear, fallback)


def _may_be_blank(pattern: ReadPattern, name: str) -> bool:
    """Whether the group can hold nothing; most cannot, and then the check a column is saved."""
    start = next(i for i, token in enumerate(pattern.tokens) if token.kind == "name" and token.text == name)
    depth, stop = 0, start
    for stop in range(start, len(pattern.tokens)):
        kind = pattern.tokens[stop].kind
        depth += kind in ("open", "name", "look")
        depth -= kind == "close"
        if depth == 0:
            break
    inner = tuple(
        Token("open", "(?:") if token.kind == "name" else token for token in pattern.tokens[start : stop + 1]
    )
    if any(token.kind in ("backreference", "look") for token in inner):
        return True
    alone = regex.compile(to_regex(ReadPattern(inner, (), {}, True)), regex.ASCII | regex.VERSION0)
    return any(alone.fullmatch(text) for text in MISSING)

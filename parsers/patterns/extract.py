"""Takes captures out of lines: Polars for linear patterns, Python's `regex` with a time limit for others."""

import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import regex

from parsers.patterns.engines import MATCHED, group_name, to_regex
from parsers.patterns.lanes import run_in_lane
from parsers.patterns.parts import PatternParts, to_parts
from parsers.patterns.tokens import ReadPattern

# A line that costs backtracking patterns more than this is given up: one hostile line must not hold a partition.
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
        return self.extract_within(texts, np.full(len(texts), LINE_TIMEOUT_SECONDS))

    def extract_within(
        self, texts: pl.Series, left: npt.NDArray[np.float64], timeouts: int = sys.maxsize
    ) -> Extracted:
        """As `extract`, within the seconds that each text has left, from which it takes what it needed.

        After so many `timeouts` the texts that follow are given up as well. A linear pattern takes nothing.
        """
        if self.linear is not None:
            return self._extract_linear(texts)
        return self._extract_slowly(texts, left, timeouts)

    def _extract_linear(self, texts: pl.Series) -> Extracted:
        assert self.linear is not None
        # One plan for all: what a plan costs is paid for every pattern in every batch.
        groups = run_in_lane(self.linear, texts.to_frame("t").select, _plan_groups(self.linear))
        marker = groups.drop_in_place(MATCHED)
        groups.columns = list(self.names)
        return Extracted(marker.is_not_null() if marker.null_count() else None, None, groups)

    def _extract_slowly(self, texts: pl.Series, left: npt.NDArray[np.float64], timeouts: int) -> Extracted:
        assert self.fallback is not None
        matched, timed_out = [], []
        values: list[list[str | None]] = [[] for _ in self.names]
        for place, text in enumerate(texts):
            found, late = None, timeouts <= 0 or left[place] <= 0
            if not late:
                began = time.perf_counter()
                try:
                    found = self.fallback.search(text, timeout=float(left[place]))
                except TimeoutError:
                    late = True
                    timeouts -= 1
                left[place] -= time.perf_counter() - began
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


def blank_to_null(columns: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    """The columns with nulls where one of `names` holds an empty text or a lone `-`: both mean "not there"."""
    held = zip(columns.columns, columns.get_columns(), strict=True)
    wanted = [name for name, column in held if name in names and _may_lack(column)]
    return columns.with_columns([_keep_text(name) for name in wanted]) if wanted else columns


def _may_lack(column: pl.Series) -> bool:
    # To find the least text costs a tenth of a comparison's plan, and most are greater than a lone `-`.
    least = column.min()
    return isinstance(least, str) and least <= "-"


@lru_cache(maxsize=8192)
def _plan_groups(pattern: str) -> pl.Expr:
    # Polars compiles the pattern to learn its groups: once, not in every batch.
    return pl.col("t").str.extract_groups(pattern).struct.unnest()


@lru_cache(maxsize=4096)
def _keep_text(name: str) -> pl.Expr:
    # Two comparisons cost a third of `is_in`.
    return pl.when((column := pl.col(name)).ne("") & column.ne("-")).then(column).alias(name)


def build_extractor(pattern: ReadPattern, *, reference: bool = False) -> PatternExtractor:
    """Compiles a pattern; `reference` forces the `regex` engine, which differential tests compare with.

    Raises:
        ValueError: an engine refuses the pattern.
    """
    parts = to_parts(pattern)
    return to_extractor(replace(parts, linear=None, backtracking=to_regex(pattern)) if reference else parts)


def to_extractor(parts: PatternParts) -> PatternExtractor:
    """What takes the captures of a pattern out of lines."""
    fallback = None
    if parts.linear is None:
        assert parts.backtracking is not None
        fallback = regex.compile(parts.backtracking, regex.ASCII | regex.VERSION0)
    return PatternExtractor(parts.names, parts.blankable, parts.linear, fallback)

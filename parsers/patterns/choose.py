"""Chooses, for every line of a batch, which patterns may match it: one Hyperscan pass over all lines.

The cost hardly grows with the number of patterns. Hyperscan says which pattern matched, not what it captured.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import hyperscan
import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.patterns.always import matches_everything
from parsers.patterns.engines import to_hyperscan, to_polars
from parsers.patterns.tokens import ReadPattern

# Hyperscan counts offsets in 32 bits, and a scan holds its buffer in memory: larger batches go in pieces.
SCAN_BYTES = 64 * 1024 * 1024
_FLAGS = hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_ALLOWEMPTY

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs (line, pattern) that may match. A pattern that is not exact has to be tried before it counts."""

    lines: IntArray
    patterns: IntArray


@dataclass(frozen=True, slots=True)
class Chooser:
    """The compiled patterns, numbered in the order they are tried.

    `always`: patterns that match every line; `unscannable`: those Hyperscan refuses, tried on every line;
    `linear`: each pattern for Polars.
    """

    exact: npt.NDArray[np.bool_]
    database: hyperscan.Database | None
    always: tuple[int, ...]
    unscannable: tuple[int, ...]
    linear: tuple[str | None, ...]
    _local: threading.local = field(default_factory=threading.local, compare=False, repr=False)

    def find_candidates(self, texts: pl.Series) -> Candidates:
        """All (line, pattern) pairs that may match.

        Args:
            texts: String series of single lines (no newline inside, no nulls); n rows.

        Returns:
            The pairs in no order; `lines` are rows of `texts`, `patterns` numbers in trying order.
        """
        lines: list[IntArray] = []
        patterns: list[IntArray] = []
        for start, piece in _cut(texts):
            found = self._scan(piece)
            lines.append(found.lines + start)
            patterns.append(found.patterns)
        for number in self.always:
            lines.append(np.arange(len(texts), dtype=np.int64))
            patterns.append(np.full(len(texts), number, dtype=np.int64))
        for number in self.unscannable:
            rows = self._match_alone(number, texts)
            lines.append(rows)
            patterns.append(np.full(len(rows), number, dtype=np.int64))
        return Candidates(np.concatenate(lines), np.concatenate(patterns))

    def _match_alone(self, number: int, texts: pl.Series) -> IntArray:
        pattern = self.linear[number]
        if pattern is None:
            return np.arange(len(texts), dtype=np.int64)
        return texts.str.contains(pattern).arg_true().to_numpy().astype(np.int64)

    def _scan(self, texts: pl.Series) -> Candidates:
        if self.database is None or texts.is_empty():
            empty = np.empty(0, dtype=np.int64)
            return Candidates(empty, empty)
        # Vectorscan misses some matches at a newline that is the last byte, and `^` after one: hence two.
        buffer = texts.str.join("\n")[0].encode() + b"\n\n"
        ends_of_lines = np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1) - 1
        patterns: list[int] = []
        ends: list[int] = []
        add_pattern, add_end = patterns.append, ends.append

        def on_match(number: int, start: int, end: int, flags: int, context: object) -> None:
            add_pattern(number)
            add_end(end)

        self.database.scan(buffer, match_event_handler=on_match, scratch=self._scratch())
        lines = np.searchsorted(ends_of_lines, np.array(ends, dtype=np.int64))
        inside = lines < len(texts)  # an empty match after the last newline is on no line
        return Candidates(lines[inside], np.array(patterns, dtype=np.int64)[inside])

    def _scratch(self) -> hyperscan.Scratch:
        # Two scans may not share a scratch space, and batches are parsed in several threads.
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self.database)
        return scratch


def build_chooser(patterns: Sequence[ReadPattern | str]) -> Chooser:
    """Compiles patterns in trying order; a text is a pattern in Hyperscan's syntax that needs checking.

    Patterns that Hyperscan refuses (too large, a class it lacks) are kept aside and tried on every line.
    """
    texts = [(pattern, False) if isinstance(pattern, str) else to_hyperscan(pattern) for pattern in patterns]
    always = tuple(
        number
        for number, pattern in enumerate(patterns)
        if not isinstance(pattern, str) and matches_everything(pattern)
    )
    scanned = [number for number in range(len(texts)) if number not in always]
    numbers = scanned
    database = None
    if scanned:
        try:
            database = _compile(texts, numbers)
        except hyperscan.error:
            # One bad pattern fails the whole set and Hyperscan does not say which.
            numbers = [number for number in scanned if _is_scannable(texts, number)]
            database = _compile(texts, numbers) if numbers else None
    return Chooser(
        exact=np.array([exact for _, exact in texts], dtype=np.bool_),
        database=database,
        always=always,
        unscannable=tuple(sorted(set(scanned) - set(numbers))),
        linear=tuple(None if isinstance(pattern, str) else to_polars(pattern) for pattern in patterns),
    )


def _compile(texts: Sequence[tuple[str, bool]], numbers: Sequence[int]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[texts[number][0].encode() for number in numbers],
        ids=list(numbers),
        elements=len(numbers),
        flags=[_FLAGS] * len(numbers),
    )
    return database


def _is_scannable(texts: Sequence[tuple[str, bool]], number: int) -> bool:
    try:
        _compile(texts, [number])
    except hyperscan.error:
        return False
    return True


def _cut(texts: pl.Series) -> list[tuple[int, pl.Series]]:
    """Pieces of at most SCAN_BYTES (one line at least) with the row each starts at."""
    sizes = np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1)
    if not len(sizes) or sizes[-1] <= SCAN_BYTES:
        return [(0, texts)]
    pieces = []
    start = 0
    while start < len(sizes):
        before = sizes[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(sizes, before + SCAN_BYTES, side="right")))
        pieces.append((start, texts[start:stop]))
        start = stop
    return pieces

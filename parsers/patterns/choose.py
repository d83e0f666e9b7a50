"""Chooses, for every line of a batch, which patterns may match it: one Hyperscan pass over all lines.

The cost hardly grows with the number of patterns. Hyperscan says which pattern matched, not what it captured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.patterns.always import matches_everything
from parsers.patterns.engines import narrow_scan, to_hyperscan, to_polars
from parsers.patterns.shards import DatabaseStore, Shard, ShardIndex, plan_shards
from parsers.patterns.starts import STARTS, Start, find_starts, part_lines
from parsers.patterns.tokens import ReadPattern

# Hyperscan counts offsets in 32 bits, and a scan holds its buffer in memory: larger batches go in pieces.
SCAN_BYTES = 64 * 1024 * 1024
# From so many patterns on it pays to look at how lines begin first.
PARTED_PATTERNS = 48

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs (line, pattern) that may match. A pattern that is not exact has to be tried before it counts."""

    lines: IntArray
    patterns: IntArray


@dataclass(frozen=True, slots=True)
class Scannable:
    """A pattern as a scan sees it: Hyperscan's text, and Polars' for the case that Hyperscan refuses it.

    `starts`: how lines begin that it may match; `narrowed`: what a scan of lines of one start gets instead of the text.
    """

    text: str
    starts: frozenset[Start]
    is_exact: bool
    is_always: bool
    linear: str | None
    narrowed: Mapping[Start, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlacedShard:
    """A shard, and whose its expressions are: `numbers[starts[i]:starts[i + 1]]` are the patterns of expression i."""

    shard: Shard
    starts: IntArray
    numbers: IntArray

    @property
    def refused(self) -> tuple[int, ...]:
        """The patterns that Hyperscan does not take."""
        found = [self.numbers[self.starts[at] : self.starts[at + 1]] for at in self.shard.refused]
        return tuple(np.concatenate(found).tolist()) if found else ()

    def scan(self, buffer: bytes) -> tuple[IntArray, IntArray]:
        """The patterns that matched, and the offsets at which the matches end."""
        places, ends = self.shard.scan(buffer)
        counts = self.starts[places + 1] - self.starts[places]
        if (counts == 1).all():
            return self.numbers[self.starts[places]], ends
        # Of an expression that nobody wants any more there is none, of one that several patterns share several.
        inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.numbers[np.repeat(self.starts[places], counts) + inside], np.repeat(ends, counts)


@dataclass(frozen=True, slots=True)
class Chooser:
    """Patterns numbered in the order they are tried; their databases are compiled when they are first needed.

    `parts`: the shards for lines of each start, or those for all lines (None); `always`: patterns that match every
    line; `linear`: each pattern for Polars.
    """

    exact: npt.NDArray[np.bool_]
    parts: tuple[tuple[Start | None, tuple[PlacedShard, ...]], ...]
    always: tuple[int, ...]
    linear: tuple[str | None, ...]

    @property
    def shards(self) -> tuple[PlacedShard, ...]:
        """The shards of all parts."""
        return tuple(placed for _, shards in self.parts for placed in shards)

    @property
    def unscannable(self) -> tuple[int, ...]:
        """The patterns that Hyperscan refuses; they are tried on every line."""
        return tuple(sorted({number for placed in self.shards for number in placed.refused}))

    def build(self) -> None:
        """Compiles now what would be compiled at the first scan."""
        for placed in self.shards:
            placed.shard.build()

    def find_candidates(self, texts: pl.Series) -> Candidates:
        """All (line, pattern) pairs that may match.

        Args:
            texts: String series of single lines (no newline inside, no nulls); n rows.

        Returns:
            The pairs in no order; `lines` are rows of `texts`, `patterns` numbers in trying order.
        """
        found = []
        sizes = texts.str.len_bytes().to_numpy().astype(np.int64) + 1
        for start, stop in _cut(sizes):
            piece = texts if stop - start == len(texts) else texts[start:stop]
            inside = self._scan(piece, sizes[start:stop])
            found.append(Candidates(inside.lines + start, inside.patterns))
        rows = np.arange(len(texts), dtype=np.int64)
        found += [Candidates(rows, np.full(len(texts), number, dtype=np.int64)) for number in self.always]
        return _join(found)

    def _match_alone(self, number: int, texts: pl.Series) -> IntArray:
        pattern = self.linear[number]
        if pattern is None:
            return np.arange(len(texts), dtype=np.int64)
        return texts.str.contains(pattern).arg_true().to_numpy().astype(np.int64)

    def _scan(self, texts: pl.Series, sizes: IntArray) -> Candidates:
        found = []
        rows_of = part_lines(texts) if any(start for start, _ in self.parts) else {}
        for start, shards in self.parts:
            rows = rows_of.get(start) if start else None
            if not shards or texts.is_empty() or (start and rows is None):
                continue
            if rows is None or len(rows) == len(texts):
                found.append(self._scan_part(texts, sizes, shards))
            else:
                places = rows.to_numpy().astype(np.int64)
                part = self._scan_part(texts.gather(rows), sizes[places], shards)
                found.append(Candidates(places[part.lines], part.patterns))
        return _join(found)

    def _scan_part(self, texts: pl.Series, sizes: IntArray, shards: Sequence[PlacedShard]) -> Candidates:
        buffer = _join_lines(texts)
        ends_of_lines = np.cumsum(sizes) - 1
        found = []
        for placed in shards:
            patterns, ends = placed.scan(buffer)
            lines = np.searchsorted(ends_of_lines, ends)
            inside = lines < len(texts)  # an empty match after the last newline is on no line
            found.append(Candidates(lines[inside], patterns[inside]))
            for number in placed.refused:
                rows = self._match_alone(number, texts)
                found.append(Candidates(rows, np.full(len(rows), number, dtype=np.int64)))
        return _join(found)


def _join_lines(texts: pl.Series) -> bytes:
    """The lines, each with a newline behind it, and one newline more."""
    # Vectorscan misses some matches at a newline that is the last byte, and `^` after one: hence two. They are joined
    # with the rest, and no str is made: every further copy of some megabytes costs more in page faults than in bytes.
    ends = pl.Series(["", ""], dtype=pl.String)
    buffer: bytes = pl.concat([texts, ends]).str.join("\n").cast(pl.Binary)[0]
    return buffer


def _join(found: Sequence[Candidates]) -> Candidates:
    empty = np.empty(0, dtype=np.int64)
    return Candidates(
        np.concatenate([empty, *(part.lines for part in found)]),
        np.concatenate([empty, *(part.patterns for part in found)]),
    )


def to_scannable(pattern: ReadPattern | str) -> Scannable:
    """A pattern as a scan sees it; a text is one in Hyperscan's syntax that needs checking."""
    if isinstance(pattern, str):
        return Scannable(pattern, frozenset(STARTS), False, False, None)
    text, is_exact = to_hyperscan(pattern)
    starts = find_starts(pattern)
    narrowed = narrow_scan(pattern, starts)
    return Scannable(text, starts, is_exact, matches_everything(pattern), to_polars(pattern), narrowed)


def build_chooser(
    patterns: Sequence[Scannable | ReadPattern | str],
    earlier: ShardIndex | None = None,
    store: DatabaseStore | None = None,
) -> Chooser:
    """A chooser of patterns in trying order; see `to_scannable` and `plan_shards`.

    Patterns that Hyperscan refuses (too large, a class it lacks) are kept aside and tried on every line.
    """
    texts = [pattern if isinstance(pattern, Scannable) else to_scannable(pattern) for pattern in patterns]
    scanned = [(number, text) for number, text in enumerate(texts) if not text.is_always]
    starts: tuple[Start | None, ...] = STARTS if len(scanned) >= PARTED_PATTERNS else (None,)
    parts = []
    for start in starts:
        numbers: dict[str, list[int]] = {}
        for number, text in scanned:
            if start is None:
                numbers.setdefault(text.text, []).append(number)
            elif start in text.starts:
                numbers.setdefault(text.narrowed.get(start, text.text), []).append(number)
        shards = plan_shards(numbers, earlier, store)
        parts.append((start, tuple(_place(shard, numbers) for shard in shards)))
    return Chooser(
        exact=np.array([text.is_exact for text in texts], dtype=np.bool_),
        parts=tuple(parts),
        always=tuple(number for number, text in enumerate(texts) if text.is_always),
        linear=tuple(text.linear for text in texts),
    )


def _place(shard: Shard, numbers: dict[str, list[int]]) -> PlacedShard:
    # Taken out of `numbers`: two shards may hold the same expression, and one of them is to answer for it.
    found = [numbers.pop(expression, []) for expression in shard.expressions]
    starts = np.cumsum([0, *map(len, found)], dtype=np.int64)
    return PlacedShard(shard, starts, np.array([number for part in found for number in part], dtype=np.int64))


def _cut(sizes: IntArray) -> list[tuple[int, int]]:
    """First row and row after the last of pieces of at most SCAN_BYTES (one line at least)."""
    ends = np.cumsum(sizes)
    if not len(ends) or ends[-1] <= SCAN_BYTES:
        return [(0, len(ends))]
    pieces = []
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + SCAN_BYTES, side="right")))
        pieces.append((start, stop))
        start = stop
    return pieces

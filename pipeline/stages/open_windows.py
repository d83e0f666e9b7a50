"""The windows that are open: which signals have fallen into each, as columns."""

from typing import Final

import polars as pl
import polars_hash as plh

NEVER: Final = 2**62
"""Later than any time, in epoch ms."""

_WINDOWS: Final = {
    "slot": pl.UInt64(),
    "rule": pl.String(),
    "group": pl.String(),
    "start": pl.Int64(),
    "closes": pl.Int64(),
    "first": pl.Int64(),
    "last": pl.Int64(),
    "offset": pl.Int64(),
}
_MEMBERS: Final = {"slot": pl.UInt64(), "id": pl.UInt64()}

# Below this many new rows a compaction costs more than the memory that it frees.
_COMPACT_ROWS: Final = 16_384


class OpenWindows:
    """A row for each window, and 16 bytes for each distinct signal in one: the hashes of window and document.

    `duplicates` counts the signals that were in their window already; it is exact for windows that were taken.
    """

    def __init__(self) -> None:
        self.duplicates = 0
        self._windows: list[pl.DataFrame] = []
        self._members: list[pl.DataFrame] = []
        self._distinct = 0
        self._rows = 0
        self._next_close = NEVER + 1
        self._offset: int | None = None

    @property
    def rows(self) -> int:
        """Signals held, duplicates included until the next compaction."""
        return self._rows

    @property
    def windows(self) -> int:
        """Windows held; never too low, and too high until the next compaction."""
        return sum(frame.height for frame in self._windows)

    @property
    def offset(self) -> int | None:
        """The lowest offset that brought a signal for a window still open, or None if none is."""
        return self._offset

    def add(self, signals: pl.DataFrame) -> None:
        """Put signals into their windows: `rule`, `group`, `time`, `id`, `offset`, `start`, `closes`, without nulls."""
        if not signals.height:
            return
        slot = plh.concat_str("rule", pl.lit("\0"), "group", pl.lit("\0"), "start").nchash.xxh3_64()
        placed = signals.with_columns(
            slot.alias("slot"), pl.col("time").alias("first"), pl.col("time").alias("last")
        )
        self._windows.append(_merge(placed.select(_WINDOWS.keys())))
        self._members.append(placed.select(_MEMBERS.keys()))
        self._rows += placed.height
        self._next_close = min(self._next_close, _least(placed["closes"], self._next_close))
        offset = _least(placed["offset"], 0)
        self._offset = offset if self._offset is None else min(self._offset, offset)
        # At doublings only, so that a row is looked at a constant number of times.
        if self._rows > 2 * self._distinct + _COMPACT_ROWS:
            self._compact()

    def take(self, until: int) -> pl.DataFrame | None:
        """Remove and return the windows that close at `until` or before, with their `count`; None if there are none.

        The columns are `slot`, `rule`, `group`, `start`, `closes`, `first`, `last`, `offset` (the lowest) and `count`.
        """
        if self._next_close > until:
            return None
        self._compact()
        (windows,), (members,) = self._windows, self._members
        due = windows.filter(pl.col("closes") <= until)
        inside = members.join(due, on="slot", how="semi")
        counts = inside.group_by("slot").agg(pl.len().cast(pl.Int64).alias("count"))
        self._keep(windows.filter(pl.col("closes") > until), members.join(due, on="slot", how="anti"))
        return due.join(counts, on="slot")

    def _compact(self) -> None:
        """Leave each window once, and in it each id once."""
        members = pl.concat(self._members).unique()
        self.duplicates += self._rows - members.height
        self._keep(_merge(pl.concat(self._windows)), members)

    def _keep(self, windows: pl.DataFrame, members: pl.DataFrame) -> None:
        self._windows, self._members = [windows], [members]
        self._rows = self._distinct = members.height
        self._next_close = _least(windows["closes"], NEVER + 1)
        self._offset = _least(windows["offset"], 0) if windows.height else None


def _merge(windows: pl.DataFrame) -> pl.DataFrame:
    return windows.group_by("slot").agg(
        pl.col("rule", "group", "start", "closes").first(),
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col("offset").min(),
    )


def _least(numbers: pl.Series, default: int) -> int:
    least = numbers.min()
    return least if isinstance(least, int) else default

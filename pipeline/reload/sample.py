"""Keeps the last few thousand live lines, on which new rules are tried."""

import threading
from collections import deque
from collections.abc import Callable

import polars as pl

# Of one batch: so that the sample holds lines of several batches, and with them of several sources.
_OF_A_BATCH = 500


class LiveSample:
    """The newest `limit` lines or so. Safe to use from several threads.

    A batch is looked at once in `every` seconds at the most, so that keeping the sample costs nothing worth naming.
    """

    def __init__(self, limit: int, clock: Callable[[], float], every: float = 0.5) -> None:
        self._limit, self._clock, self._every = limit, clock, every
        self._parts: deque[pl.DataFrame] = deque()
        self._lines = 0
        self._next = clock()
        self._lock = threading.Lock()

    def add(self, lines: pl.DataFrame) -> None:
        """Keep some lines of a batch (a line frame), spread over all of it."""
        if self._clock() < self._next or not lines.height:
            return
        step = max(1, lines.height // _OF_A_BATCH)
        # Gathered, not sliced: a slice would keep the whole batch in memory.
        rows = pl.int_range(0, lines.height, step, eager=True).head(_OF_A_BATCH)
        part = lines[rows]
        with self._lock:
            self._next = self._clock() + self._every
            self._parts.append(part)
            self._lines += part.height
            while self._lines - self._parts[0].height >= self._limit:
                self._lines -= self._parts.popleft().height

    def read(self) -> pl.DataFrame | None:
        """The lines kept, the oldest first; None when there are none yet."""
        with self._lock:
            parts = list(self._parts)
        return pl.concat(parts, how="diagonal_relaxed") if parts else None

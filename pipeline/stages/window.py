"""Counts distinct signals by burst rule, group and tumbling window, and closes windows as event time passes.

One engine for both kinds of run. A bounded run feeds all its signals and calls `finish`:

    state = BurstState(rules)
    state.feed(0, progress, signals)           # any number of times
    closed = state.finish()                    # closed.bursts: the windows that meet their rule's condition

A reader of the signals topic keeps one state for each signals partition, made anew at each assignment:

    state = BurstState(rules, restored=metadata of the committed offset, or "")
    for each record:  state.feed(offset, *decode_signals(value))
    closed = state.close()                     # as often as it likes: once a batch
    ... send closed.bursts; when the broker has acknowledged all of them:
    state.settle(closed.token)
    done = state.committable()                 # None: nothing new; else commit done.offset with done.metadata

There is no snapshot of the state: the signals topic is it. An offset is committable when every window that any row
before it falls into is closed and settled, and the commit's metadata holds the watermarks as they stood at that very
offset. Reading on from there feeds the same rows against the same watermarks, and so gives the same bursts; windows
that were settled beyond the offset are recognised and not counted again.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

from parsers.burst_model import BurstRule
from pipeline.stages.open_windows import OpenWindows
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.watermark import END_OF_TIME, METADATA_LIMIT, Progress, Watermark, restore_watermark

BURST_SCHEMA: Final = {
    "rule": pl.String(),
    "group": pl.String(),
    "window_start": pl.Int64(),
    "window_end": pl.Int64(),
    "count": pl.Int64(),
    "first": pl.Int64(),
    "last": pl.Int64(),
}
"""One row a burst: `group` as in the signals (JSON text), all times epoch ms, the end exclusive."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The windows that one call closed. `bursts` (BURST_SCHEMA) is ordered by start, rule, group, and often empty.

    `token` goes to `settle` once all of `bursts` are safe; `windows` counts all that were closed, bursts or not.
    """

    bursts: pl.DataFrame
    token: int
    windows: int


@dataclass(frozen=True, slots=True)
class Commit:
    """`offset` is the next to read after a restart; `metadata` the text to give as `restored` then."""

    offset: int
    metadata: str


@dataclass(slots=True)
class Counters:
    """What became of the rows fed: at the end `fed == counted + duplicates + late + settled + unknown`.

    `counted`: distinct signals of closed windows. `duplicates`: the same id again while its window was open.
    `late`: the watermark had closed the window when the row was read. `settled`: read again after a restart, its
    burst being out already. `unknown`: of a rule that is not loaded. Counts are complete up to the last `close`.
    """

    fed: int = 0
    counted: int = 0
    duplicates: int = 0
    late: int = 0
    settled: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class _Unsettled:
    token: int
    until: int
    offset: int


class BurstState:
    """The open windows of one signals partition. Not for use by several threads at once.

    `restored` is the metadata of a `Commit` and belongs to the offset that the first `feed` continues from; "" starts
    afresh, and a text that cannot be read is a ValueError (starting afresh then is safe: bursts that were out already
    come once more, those cut by the offset with a lower count).
    """

    def __init__(
        self, rules: Iterable[BurstRule], restored: str = "", metadata_limit: int = METADATA_LIMIT
    ) -> None:
        known = tuple(rules)
        self.counters = Counters()
        self._rules = pl.DataFrame(
            {
                "rule": [rule.name for rule in known],
                "length": [rule.timeframe for rule in known],
                "grace": [rule.grace for rule in known],
                "threshold": [rule.threshold for rule in known],
            },
            schema={"rule": pl.String, "length": pl.Int64, "grace": pl.Int64, "threshold": pl.Int64},
        )
        self._limit = metadata_limit
        self._pending: list[tuple[int, pl.DataFrame]] = []
        self._open = OpenWindows()
        self._next_offset: int | None = None
        self._steps: deque[tuple[int, Progress]] = deque()
        self._unsettled: deque[_Unsettled] = deque()
        self._done: set[int] = set()
        self._token = 0
        self._base, self._settled_until = _restore(restored)
        self._watermark = self._base
        self._answered: tuple[int, int] | None = None

    @property
    def watermark(self) -> int | None:
        """Event time's progress over all raw partitions, epoch ms; None while it is unknown."""
        return self._watermark.time

    @property
    def size(self) -> int:
        """Rows held in memory for open windows (some 16 bytes each, duplicates included until the next compaction)."""
        return self._open.rows + sum(frame.height for _, frame in self._pending)

    @property
    def open_windows(self) -> int:
        """Windows still open, as of the last `close`; more often than not exact, and never too low."""
        return self._open.windows

    def feed(self, offset: int, progress: Progress, signals: pl.DataFrame) -> None:
        """Take one record of the signals topic, in the order of offsets; cheap, the work is done in `close`.

        `signals` (SIGNAL_SCHEMA) may have no rows: the progress counts alone. Rows are judged by the watermark that the
        records before this one left; `progress` counts from the next record on, for a record's newest row must not make
        its oldest late. An offset that was fed before is a ValueError.
        """
        if self._next_offset is None:
            self._answered = (offset, self._settled_until)
        elif offset < self._next_offset:
            raise ValueError(
                f"signals offset {offset} was fed before; the next is {self._next_offset} or later"
            )
        self._next_offset = offset + 1
        if signals.height:
            self.counters.fed += signals.height
            marked = signals.select(SIGNAL_SCHEMA.keys()).with_columns(
                pl.lit(offset, pl.Int64).alias("offset"), pl.lit(self._watermark.time, pl.Int64).alias("seen")
            )
            self._pending.append((offset, marked))
        following = self._watermark.follow(progress)
        if following is not self._watermark:
            self._steps.append((offset, progress))
            self._watermark = following

    def close(self) -> Closed:
        """Count what was fed, and close every window whose end plus grace the watermark has reached."""
        return self._close(-END_OF_TIME if self._watermark.time is None else self._watermark.time)

    def finish(self) -> Closed:
        """Close every window: the input has ended. Whatever is fed afterwards is late."""
        self._watermark = Watermark(END_OF_TIME)
        return self._close(END_OF_TIME)

    def settle(self, token: int) -> None:
        """The bursts of the `close` that gave `token` are safe. In any order; again, or unknown: nothing happens."""
        if any(entry.token == token for entry in self._unsettled):
            self._done.add(token)
        # A later token must wait: its windows are known as settled only by the time up to which all are.
        while self._unsettled and self._unsettled[0].token in self._done:
            entry = self._unsettled.popleft()
            self._done.discard(entry.token)
            self._settled_until = max(self._settled_until, entry.until)

    def committable(self) -> Commit | None:
        """How far the signals are dealt with, or None if nothing has changed since the last answer.

        The offset never goes back; it may stay while the metadata changes, which is worth a commit: bursts settled in
        the meantime are then not sent again after a restart.
        """
        if self._next_offset is None:
            return None
        held = [offset for offset, _ in self._pending[:1]]
        held += [entry.offset for entry in self._unsettled]
        if self._open.offset is not None:
            held.append(self._open.offset)
        answer = (min(held, default=self._next_offset), self._settled_until)
        if answer == self._answered:
            return None
        self._answered = answer
        while self._steps and self._steps[0][0] < answer[0]:
            self._base = self._base.follow(self._steps.popleft()[1])
        head = f"b1 {self._settled_until} "
        return Commit(answer[0], head + self._base.dump(self._limit - len(head)))

    def _close(self, until: int) -> Closed:
        self._absorb()
        self._token += 1
        due = self._open.take(until)
        self.counters.duplicates = self._open.duplicates
        if due is None:
            return Closed(pl.DataFrame(schema=BURST_SCHEMA), self._token, 0)
        self.counters.counted += int(due["count"].sum())
        offsets: list[int] = due["offset"].to_list()
        self._unsettled.append(_Unsettled(self._token, until, min(offsets)))
        bursts = self._to_bursts(due)
        if not bursts.height:
            self.settle(self._token)
        return Closed(bursts, self._token, due.height)

    def _to_bursts(self, counted: pl.DataFrame) -> pl.DataFrame:
        return (
            counted.join(self._rules, on="rule")
            .filter(pl.col("count") >= pl.col("threshold"))
            .with_columns(
                pl.col("start").alias("window_start"),
                (pl.col("start") + pl.col("length")).alias("window_end"),
            )
            .select(BURST_SCHEMA.keys())
            .sort("window_start", "rule", "group")
        )

    def _absorb(self) -> None:
        """Sort the pending rows into windows; rows that no window takes are only counted."""
        if not self._pending:
            return
        fed = pl.concat([frame for _, frame in self._pending])
        self._pending = []
        known = fed.join(self._rules, on="rule")
        self.counters.unknown += fed.height - known.height
        start = pl.col("time").floordiv(pl.col("length")) * pl.col("length")
        placed = known.with_columns(start.alias("start")).with_columns(
            (pl.col("start") + pl.col("length") + pl.col("grace")).alias("closes")
        )
        in_time = placed.filter((pl.col("closes") > pl.col("seen")).fill_null(True))
        self.counters.late += placed.height - in_time.height
        taken = in_time.filter(pl.col("closes") > self._settled_until)
        self.counters.settled += in_time.height - taken.height
        self._open.add(taken)


def _restore(text: str) -> tuple[Watermark, int]:
    if not text:
        return Watermark(), -END_OF_TIME
    words = text.split(" ", 2)
    if len(words) != 3 or words[0] != "b1" or not words[1].lstrip("-").isdecimal():
        raise ValueError(f"the burst state cannot be read from the commit's metadata {text[:80]!r}")
    return restore_watermark(words[2]), int(words[1])

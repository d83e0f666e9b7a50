from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from parsers.events.multiline import NOT_CHOSEN, Choose, Joins, OpenEvent, join_lines
from pipeline.live import Live
from pipeline.sources.blocks import Block
from pipeline.sources.files import FileOrigin
from pipeline.sources.lines import join_frames, read_lines
from pipeline.sources.narrow import Narrow

BATCH_LINES = 100_000
BATCH_BYTES = 10 * 1024 * 1024
ORIGIN = "_origin"


@dataclass(frozen=True, slots=True)
class Joiner:
    """How lines become events: the compiled multi-line rules, who tells the rule of a line, and the rules' names.

    `narrow` leaves out the rules that cannot join any of the lines at hand; None: all rules are asked.
    """

    joins: Joins
    choose: Choose
    names: tuple[str, ...] = ()
    narrow: Narrow | None = None

    def join(
        self, lines: pl.DataFrame, opened: OpenEvent | None, *, is_last: bool
    ) -> tuple[pl.DataFrame, OpenEvent | None]:
        """Join lines that follow `opened` into events; give these and the event that is open now: see `join_lines`."""
        joins = self.joins if self.narrow is None else self.narrow(lines, opened)
        return join_lines(joins, lines, self.choose, opened, is_last=is_last)

    def adopt(self, opened: OpenEvent, before: "Joiner") -> OpenEvent:
        """An event that `before` left open, to go on with: its rule by name. A rule that is gone joins no more."""
        name = before.names[opened.rule] if 0 <= opened.rule < len(before.names) else None
        return replace(opened, rule=self.names.index(name) if name in self.names else NOT_CHOSEN)


class EventReader:
    """Makes events of the blocks of one file: frames with all columns that a line frame has but `_id`.

    `origin_key` is the text that ids are made of (`_origin`). `next_offset` is the first byte that no event has
    covered yet: the place to read on from after a restart. A class, since the open event goes from block to block.
    """

    def __init__(
        self, joiner: Joiner | Live[Joiner], path: str, origin_key: str, next_offset: int = 0
    ) -> None:
        self.path = path
        self.origin_key = origin_key
        self.next_offset = next_offset
        self.lines = 0
        self._live = joiner if isinstance(joiner, Live) else Live(joiner)
        self._joiner = self._live.read()
        self._opened: OpenEvent | None = None

    @property
    def is_open(self) -> bool:
        """True while the last event waits for lines that may continue it."""
        return self._opened is not None

    def read(self, block: Block, time: int) -> pl.DataFrame:
        """Give the events that a block finishes. `time` (epoch ms) is the lines' own time, the file's last change."""
        lines = read_lines(block)
        self.lines += lines.height
        return self._join(self._with_context(lines, time), is_last=False)

    def finish(self) -> pl.DataFrame | None:
        """Give the open event, if there is one: nothing will continue it."""
        if self._opened is None:
            return None
        return self._join(self._opened.lines[:0], is_last=True)

    def _join(self, lines: pl.DataFrame, *, is_last: bool) -> pl.DataFrame:
        before, self._joiner = self._joiner, self._live.read()
        if self._opened is not None and self._joiner is not before:
            self._opened = self._joiner.adopt(self._opened, before)
        events, self._opened = self._joiner.join(lines, self._opened, is_last=is_last)
        if events.height:
            self.next_offset = int(events["log.offset"][-1]) + int(events["_size"][-1])
        return events

    def _with_context(self, lines: pl.DataFrame, time: int) -> pl.DataFrame:
        return lines.with_columns(
            pl.lit(self.path).alias("log.file.path"),
            pl.lit(time, dtype=pl.Int64).alias("_time"),
            pl.lit(self.origin_key).alias(ORIGIN),
        )


def to_origin_key(origin: FileOrigin) -> str:
    """What stays of a file when it is renamed, for `to_file_origin`; pipes have nothing of the kind."""
    return f"{origin.device}:{origin.inode}" if origin.inode else ""


def gather_batches(
    frames: Iterable[pl.DataFrame | None], batch_lines: int = BATCH_LINES, batch_bytes: int = BATCH_BYTES
) -> Iterator[pl.DataFrame]:
    """Regroup event frames to batches of about `batch_lines` rows, or fewer where they are large.

    None asks for what is held: its source pauses. The order stays.
    """
    held: list[pl.DataFrame] = []
    rows = size = 0
    for frame in frames:
        if frame is not None:
            for part in _split(frame, batch_lines, batch_bytes):
                part_bytes = int(part["_size"].sum())
                if held and (rows + part.height > batch_lines or size + part_bytes > batch_bytes):
                    yield join_frames(held)
                    held, rows, size = [], 0, 0
                held.append(part)
                rows, size = rows + part.height, size + part_bytes
        elif held:
            yield join_frames(held)
            held, rows, size = [], 0, 0
    if held:
        yield join_frames(held)


def _split(frame: pl.DataFrame, batch_lines: int, batch_bytes: int) -> Iterator[pl.DataFrame]:
    total = int(frame["_size"].sum())
    if not frame.height:
        return
    parts = max(-(-frame.height // batch_lines), min(frame.height, -(-total // batch_bytes)))
    step = -(-frame.height // parts)
    for start in range(0, frame.height, step):
        yield frame[start : start + step]

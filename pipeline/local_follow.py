"""The run without end on one machine: files as they grow, the store and the bursts kept up to date.

What was read is remembered only after its events are on the disk, so that a crash at any moment loses nothing; what is
read twice then has the same ids and is stored, and counted, once.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.flow import find_newest
from pipeline.live import Live
from pipeline.local import Engine, Observer, Tally, with_documents
from pipeline.local_batch import add_identity
from pipeline.reload.seen import Seen
from pipeline.sinks.journal import FOLDER, SignalJournal
from pipeline.sinks.segments import write_atomically
from pipeline.sinks.store import StoreWriter
from pipeline.sources.blocks import MAX_LINE_BYTES
from pipeline.sources.events import ORIGIN, gather_batches
from pipeline.sources.follow import Followed, Follower
from pipeline.sources.positions import Position, Positions, dump_positions, load_positions
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.watermark import PartitionClock, Progress
from pipeline.stages.window import BurstState

POSITIONS = "positions.json"
_NOTHING = pl.DataFrame(schema=SIGNAL_SCHEMA)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen, in seconds. `quiet`: how long an event without end waits for further lines."""

    poll: float = 0.25
    flush: float = 2.0
    quiet: float = 5.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time: `seconds` for waiting, `now` in epoch ms for event time, `wait` to let time pass."""

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    wait: Callable[[float], None] = time.sleep


def follow_files(
    live: Live[Engine],
    patterns: Iterable[str],
    store: Path,
    observer: Observer,
    tally: Tally,
    is_stopping: Callable[[], bool],
    on_bursts: Callable[[pl.DataFrame], None],
    *,
    pace: Pace = Pace(),
    clocks: Clocks = Clocks(),
    max_line_bytes: int = MAX_LINE_BYTES,
    seen: Seen | None = None,
) -> int:
    """Follow files until `is_stopping`; gives the number of bursts. Then all is on the disk, and the place remembered.

    `live` may be given another engine meanwhile, which takes over between two polls. `seen` notes the lines and what
    became of them. `on_bursts` gets bursts (BURST_SCHEMA with `_id` and `document`) once they are stored. Raises
    StoreError, PositionsError and JournalError.
    """
    engine = live.read()
    joiner = Live(engine.joiner)
    run = _Run(engine, store, tally, on_bursts, clocks, seen)
    follower = Follower(
        patterns=tuple(patterns),
        joiner=joiner,
        clock=clocks.seconds,
        on_error=observer.fail,
        restored=run.restored,
        max_line_bytes=max_line_bytes,
        quiet=pace.quiet,
    )
    flushed = clocks.seconds()
    while True:
        stops = is_stopping()
        is_busy = False
        if live.read() is not engine:
            engine = live.read()
            joiner.swap(engine.joiner)
            run.use(engine)
        for followed in follower.poll():
            run.know(follower.paths())
            run.take(followed)
            is_busy = is_busy or followed.events is not None
        if stops:
            for followed in follower.finish():
                run.take(followed)
        if stops or clocks.seconds() - flushed >= pace.flush:
            run.flush(follower.positions())
            flushed = clocks.seconds()
        if stops:
            return run.bursts
        if not is_busy:
            clocks.wait(pace.poll)


class _Run:
    """What goes from flush to flush: held events, open windows, and how far each path has got in event time.

    Each path counts as a partition of its own: the lines of one must not make the older lines of another late.
    """

    def __init__(
        self,
        engine: Engine,
        store: Path,
        tally: Tally,
        on_bursts: Callable[[pl.DataFrame], None],
        clocks: Clocks,
        seen: Seen | None,
    ) -> None:
        self.bursts = 0
        self.restored = load_positions(store / FOLDER / POSITIONS)
        self._engine, self._store, self._tally, self._on_bursts, self._clocks = (
            engine,
            store,
            tally,
            on_bursts,
            clocks,
        )
        self._seen = seen
        self._writer = StoreWriter(store)
        self._saved = self.restored
        self._numbers = dict(self.restored.numbers)
        self._partitions: dict[str, PartitionClock] = {}
        self._waiting: set[str] = set()
        self._journal = SignalJournal(store)
        metadata, records = self._journal.load()
        self._state = BurstState(engine.burst_rules, metadata)
        for offset, progress, signals in records:
            self._state.feed(offset, progress, signals)

    def use(self, engine: Engine) -> None:
        """Go on with another engine. Open windows keep their burst rules: those change at the next start."""
        self._engine = engine

    def know(self, paths: Iterable[str]) -> None:
        """Give each path its number, all before the first of them reports anything: then none outruns the others."""
        for path in paths:
            if path not in self._partitions:
                number = self._numbers.setdefault(path, len(self._numbers))
                self._partitions[path] = PartitionClock(number, len(self._numbers))
        for partition in self._partitions.values():
            partition.partitions = len(self._numbers)

    def take(self, followed: Followed) -> None:
        """Parse new events of a path, hold them for the store, and feed their signals to the windows."""
        events = followed.events
        if events is None:
            self._waiting.add(followed.path)
            return
        self._waiting.discard(followed.path)
        breaks = events["event.original"].str.count_matches("\n", literal=True).sum()
        self._tally.add_lines(events.height + int(breaks), int(events["_size"].sum()))
        for lines in gather_batches([events]):
            batch = self._engine.flow.parse(add_identity(lines))
            if self._seen is not None:
                self._seen.add(lines.drop(ORIGIN, "_size"), batch, self._engine.flow.rules)
            self._tally.add_batch(batch)
            self._writer.add(batch)
            newest, recorded = find_newest(batch)
            progress = self._partitions[followed.path].observe(newest, self._clocks.now(), recorded)
            signals = self._engine.flow.signal(batch)
            offset = self._journal.add(progress, signals)
            self._state.feed(offset, progress, signals)

    def flush(self, positions: tuple[Position, ...]) -> None:
        """Bring all that was taken onto the disk: events, then signals, then the places to go on from, then bursts."""
        self._writer.flush()
        self._writer.merge_small()
        self._journal.flush()
        reached = Positions(positions, self._numbers)
        if reached != self._saved:
            write_atomically(self._store / FOLDER / POSITIONS, dump_positions(reached), self._store)
            self._saved = Positions(positions, dict(self._numbers))
        self._report_silence()
        closed = self._state.close()
        bursts = with_documents(closed.bursts, self._engine.burst_rules)
        self._writer.add_bursts(bursts)
        self._state.settle(closed.token)
        if (commit := self._state.committable()) is not None:
            self._journal.settle(commit)
        if bursts.height:
            self.bursts += bursts.height
            self._on_bursts(bursts)

    def _report_silence(self) -> None:
        """Let event time pass for paths without news, and paths that are gone not hold the others back."""
        for path in self._waiting:
            progress = self._partitions[path].wait(self._clocks.now())
            self._state.feed(self._journal.skip(), progress, _NOTHING)
        for path, number in self._numbers.items():
            if path not in self._partitions:
                progress = Progress(number, len(self._numbers), None, idle=True)
                self._state.feed(self._journal.skip(), progress, _NOTHING)

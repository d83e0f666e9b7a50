"""The bounded run on one machine: files in, events and bursts out, no broker. The stages are those of the agents.

files ─► events ─► flow.parse ─► documents            (`parse`)
                      ├────────► the store            (`run`)
                      └────────► signals ─► bursts    (`run`, `bursts`; counted when all input is read)
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import polars as pl

from parsers.burst_model import BurstRule
from parsers.bursts import load_burst_rules
from parsers.events.multiline import build_joins
from parsers.frames import ParsedBatch
from parsers.load import load_rule_set
from parsers.model import Installation
from parsers.patterns.shards import DatabaseStore
from parsers.ruleset import RuleSet
from parsers.shipped import shipped_rules_directory
from pipeline.flow import Flow, UserStage, build_flow
from pipeline.local_batch import Counted, Outcome, count_batch, process_lines
from pipeline.sinks.store import Fresh, StoreWriter
from pipeline.sources.blocks import BLOCK_BYTES, MAX_LINE_BYTES
from pipeline.sources.errors import SourceError
from pipeline.sources.events import BATCH_LINES, ORIGIN, EventReader, Joiner, gather_batches, to_origin_key
from pipeline.sources.files import open_file, read_blocks
from pipeline.sources.narrow import build_narrow
from pipeline.stages.burst_document import to_burst_documents
from pipeline.stages.document import build_documents
from pipeline.stages.identity import to_file_origin
from pipeline.stages.watermark import Progress
from pipeline.stages.window import BurstState

_UNTIMED = Progress(partition=0, partitions=1, watermark=None)


@dataclass(frozen=True, slots=True)
class Engine:
    """What a local run computes with: the flow, its multi-line rules, and the burst rules."""

    flow: Flow
    joiner: Joiner
    burst_rules: tuple[BurstRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at once, where a line without end is cut (bytes), and how many events are parsed at once."""

    block_bytes: int = BLOCK_BYTES
    max_line_bytes: int = MAX_LINE_BYTES
    batch_lines: int = BATCH_LINES


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. `bytes` counts the text after decompression; `datasets` and `rules` count events.

    `rules` holds parsed events only. `errors` are the inputs that could not be read, or not to their end.
    """

    files: int = 0
    bytes: int = 0
    lines: int = 0
    events: int = 0
    parsed: int = 0
    bursts: int = 0
    seconds: float = 0.0
    datasets: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[SourceError, ...] = ()


class Observer(Protocol):
    """Hears of a run's progress: a progress bar, or nothing."""

    def read(self, count: int) -> None:
        """`count` more bytes were read, as stored."""

    def fail(self, error: SourceError) -> None:
        """An input cannot be read (further); the run goes on with the next."""


class Crew(Protocol):
    """Parses and stores batches in other processes too: see `local_crew.py`."""

    def process(
        self, batches: Iterable[pl.DataFrame], rules: str, process_here: Callable[[pl.DataFrame], Outcome]
    ) -> Iterator[Outcome]:
        """Have batches processed, some of them here; their outcomes come in the order of the batches."""

    def finish(self, write_here: Callable[[], None]) -> Sequence[Fresh]:
        """Have all events written, those of this process by `write_here`; the segments that the others made."""


class Tally:
    """Counts what passes by and makes a `Summary` of it. A class, since all figures grow together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._files = self._bytes = self._lines = self._events = self._parsed = 0
        self._datasets: dict[str, int] = {}
        self._rules: dict[str, int] = {}
        self._errors: list[SourceError] = []

    def add_input(self, lines: int, size: int) -> None:
        """A file has been read to its end, or as far as it goes."""
        self._files += 1
        self._lines += lines
        self._bytes += size

    def add_lines(self, lines: int, size: int) -> None:
        """Lines of a file that has no end yet."""
        self._lines += lines
        self._bytes += size

    def add_error(self, error: SourceError) -> None:
        """An input could not be read."""
        self._errors.append(error)

    def add_batch(self, batch: ParsedBatch) -> None:
        """A batch has been parsed."""
        self.add_counted(count_batch(batch))

    def add_counted(self, counted: Counted) -> None:
        """A batch has been parsed and counted."""
        self._events += counted.events
        self._parsed += counted.parsed
        for total, counts in ((self._rules, counted.rules), (self._datasets, counted.datasets)):
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count

    def to_summary(self, bursts: int = 0) -> Summary:
        """The figures so far."""
        return Summary(
            files=self._files,
            bytes=self._bytes,
            lines=self._lines,
            events=self._events,
            parsed=self._parsed,
            bursts=bursts,
            seconds=self._clock() - self._start,
            datasets=dict(sorted(self._datasets.items())),
            rules=dict(sorted(self._rules.items())),
            errors=tuple(self._errors),
        )


def load_engine(
    rules: Path | None = None,
    default_timezone: str = "UTC",
    stages: Iterable[UserStage] = (),
    namespace: str = "default",
    store: DatabaseStore | None = None,
    installation: Installation | None = None,
) -> Engine:
    """Load and compile rules and burst rules from a directory (None: those that ship). Raises RuleError.

    `store` keeps what is compiled for the next process. `installation`: zones and masks of the settings.
    """
    directory = rules or shipped_rules_directory()
    rule_set = load_rule_set(directory, default_timezone, store=store, installation=installation)
    return build_engine(rule_set, load_burst_rules(directory), stages, namespace)


def build_engine(
    rule_set: RuleSet,
    burst_rules: Iterable[BurstRule] = (),
    stages: Iterable[UserStage] = (),
    namespace: str = "default",
) -> Engine:
    """Put an engine together from compiled rules. Raises RuleError for `multiline` patterns that do not compile."""
    bursts = tuple(burst_rules)
    return Engine(build_flow(rule_set, bursts, tuple(stages), namespace), build_joiner(rule_set), bursts)


def replace_rules(engine: Engine, rule_set: RuleSet) -> Engine:
    """The same engine with other rules; burst rules stay. Raises RuleError as `build_engine` does."""
    return Engine(replace(engine.flow, rules=rule_set), build_joiner(rule_set), engine.burst_rules)


def build_joiner(rule_set: RuleSet) -> Joiner:
    """How lines of files become events by the `multiline` of the rules."""
    joins = build_joins(rule_set.rules)
    return Joiner(
        joins,
        lambda lines: rule_set.choose_lines(lines["event.original"], lines),
        tuple(rule.name for rule in rule_set.rules),
        build_narrow(rule_set, joins),
    )


def parse_files(
    engine: Engine,
    paths: Iterable[str],
    observer: Observer,
    tally: Tally,
    now: int,
    limits: Limits = Limits(),
) -> Iterator[pl.Series]:
    """Parse files to JSON documents, in the order of the input: every event, parsed or not.

    `now` (epoch ms) is the time of lines from pipes that name none. What cannot be read is told to `observer`.
    """
    for lines in read_batches(engine.joiner, paths, observer, tally, now, limits):
        batch = engine.flow.parse(lines.drop(ORIGIN, "_size"))
        tally.add_batch(batch)
        yield build_documents(batch)["document"]


def run_files(
    engine: Engine,
    paths: Iterable[str],
    observer: Observer,
    tally: Tally,
    now: int,
    store: StoreWriter | None = None,
    limits: Limits = Limits(),
    crew: Crew | None = None,
) -> pl.DataFrame:
    """Read files to their end, store the events if there is a store, and give the bursts.

    Bursts (BURST_SCHEMA with `_id` and `document`) are counted in event time when all is read, whatever the order of
    files and lines; they are stored too. A `crew` shares the work, to the same effect. Raises
    StoreError, StageError and CrewError; the store then holds whole segments of what was read.
    """
    state = BurstState(engine.burst_rules)
    batches = read_batches(engine.joiner, paths, observer, tally, now, limits)
    if store is not None:
        store.note_earlier()

    def process(lines: pl.DataFrame) -> Outcome:
        return process_lines(engine.flow, lines, store)

    outcomes = (
        map(process, batches) if crew is None else crew.process(batches, engine.flow.rules.hash, process)
    )
    for number, outcome in enumerate(outcomes):
        tally.add_counted(outcome.counted)
        # A watermark would make the lines of the next file late: it stays unknown until all is read.
        state.feed(number, _UNTIMED, outcome.signals)
    made = [] if crew is None else crew.finish(store.write_held if store is not None else lambda: None)
    bursts = with_documents(state.finish().bursts, engine.burst_rules)
    if store is not None:
        store.flush(made)
        store.add_bursts(bursts)
    return bursts


def read_batches(
    joiner: Joiner,
    paths: Iterable[str],
    observer: Observer,
    tally: Tally,
    now: int,
    limits: Limits = Limits(),
) -> Iterator[pl.DataFrame]:
    """Read files one after the other as batches of events: line frames with `_origin` and `_size`, without `_id`."""
    return gather_batches(
        (frame for path in paths for frame in _read_file(joiner, path, observer, tally, now, limits)),
        limits.batch_lines,
    )


def with_documents(bursts: pl.DataFrame, rules: Iterable[BurstRule]) -> pl.DataFrame:
    """Bursts (BURST_SCHEMA) with their `_id` and their alert document as JSON text."""
    return bursts.hstack(to_burst_documents(bursts, rules).select("_id", "document"))


def _read_file(
    joiner: Joiner, path: str, observer: Observer, tally: Tally, now: int, limits: Limits
) -> Iterator[pl.DataFrame | None]:
    reader: EventReader | None = None
    try:
        with open_file(path, now) as file:
            origin = file.origin
            reader = EventReader(joiner, origin.path, to_file_origin("", to_origin_key(origin), origin.path))
            blocks = read_blocks(
                file,
                block_bytes=limits.block_bytes,
                max_line_bytes=limits.max_line_bytes,
                on_bytes=observer.read,
            )
            for block in blocks:
                yield reader.read(block, origin.time) if block is not None else None
    except SourceError as error:
        tally.add_error(error)
        observer.fail(error)
    if reader is not None:
        yield reader.finish()
        tally.add_input(reader.lines, reader.next_offset)

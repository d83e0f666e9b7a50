"""What a local run does with one batch of lines, in whichever process."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from parsers.frames import ParsedBatch
from pipeline.flow import Flow
from pipeline.sinks.store import StoreWriter
from pipeline.sources.events import ORIGIN
from pipeline.stages.identity import with_identity


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures of a batch; see `Summary`."""

    events: int = 0
    parsed: int = 0
    datasets: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. `signals` (SIGNAL_SCHEMA) are for the burst rules."""

    counted: Counted
    signals: pl.DataFrame


def process_lines(flow: Flow, lines: pl.DataFrame, store: StoreWriter | None) -> Outcome:
    """Parse a batch as `read_batches` gives it, and hand its events to the store. Raises StageError, StoreError."""
    batch = flow.parse(add_identity(lines))
    if store is not None:
        store.add(batch)
    return Outcome(count_batch(batch), flow.signal(batch))


def add_identity(lines: pl.DataFrame) -> pl.DataFrame:
    """Turn the origin of lines into their `_id`."""
    return with_identity(lines, ORIGIN, "log.offset").drop(ORIGIN, "_size")


def count_batch(batch: ParsedBatch) -> Counted:
    """Count the events of a batch by dataset and by rule."""
    datasets: dict[str, int] = {}
    rules: dict[str, int] = {}
    for block in batch.blocks:
        if block.rule is not None:
            rules[block.rule] = rules.get(block.rule, 0) + block.frame.height
        for dataset, count in block.frame["event.dataset"].value_counts().iter_rows():
            datasets[dataset] = datasets.get(dataset, 0) + count
    events = sum(block.frame.height for block in batch.blocks)
    return Counted(events, sum(rules.values()), datasets, rules)

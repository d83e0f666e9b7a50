"""The flow of a batch, without any input or output. Read this first.

    line frame ─► parse ─► stages of the user ─► documents
                                           └────► signals ─► (burst engine: stages/window.py)

Kafka agents (app.py) and the local run (local.py) call the same flow; they differ in who feeds it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from parsers.burst_model import BurstRule
from parsers.frames import Block, ParsedBatch
from parsers.ruleset import RuleSet
from pipeline.stages.document import build_documents, with_origin
from pipeline.stages.signal import Signaller, build_signaller

UserStage: TypeAlias = Callable[[pl.DataFrame], pl.DataFrame]
"""A stage of the user: the rows of one rule in (see `parsers.frames.Block.frame`), the rows to keep out.

It may change, add and drop columns, and drop rows; `_row` and `@timestamp` have to stay.
"""


class StageError(RuntimeError):
    """A stage of the user failed, or returned what is no frame of events."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What a batch became.

    `documents`: see `build_documents`. `signals`: see `stages/signal.py`. `newest`, `recorded`: see `find_newest`.
    """

    batch: ParsedBatch
    documents: pl.DataFrame
    signals: pl.DataFrame
    newest: int | None
    recorded: int | None


@dataclass(frozen=True, slots=True)
class Flow:
    """The pure stages of one configuration. Immutable; batches may be processed in several threads."""

    rules: RuleSet
    signal: Signaller
    stages: tuple[UserStage, ...] = ()
    namespace: str = "default"

    def parse(self, lines: pl.DataFrame) -> ParsedBatch:
        """Parses a line frame and runs the user's stages on every block.

        Raises:
            StageError: a stage of the user failed.
        """
        parsed = self.rules.parse(lines)
        blocks = []
        ruleset = self.rules.hash
        for block in parsed.blocks:
            changed = self._run_stages(block)
            if changed.frame.height:
                blocks.append(with_origin(changed, self.namespace, ruleset))
        return ParsedBatch(tuple(blocks), parsed.height)

    def process(self, lines: pl.DataFrame) -> Processed:
        """Parses a line frame (with `_id`) to documents, signals and its newest times.

        Raises:
            StageError: a stage of the user failed.
        """
        batch = self.parse(lines)
        return Processed(batch, build_documents(batch), self.signal(batch), *find_newest(batch))

    def _run_stages(self, block: Block) -> Block:
        frame = block.frame
        for stage in self.stages:
            name = getattr(stage, "__qualname__", repr(stage))
            try:
                frame = stage(frame)
            except Exception as error:
                raise StageError(f"stage {name} failed on rows of rule {block.rule}: {error!r}") from error
            if not isinstance(frame, pl.DataFrame) or not {"_row", "@timestamp", "event.dataset"} <= set(
                frame.columns
            ):
                raise StageError(
                    f"stage {name} must return a frame that keeps _row, @timestamp and event.dataset"
                )
        return Block(block.rule, block.dataset, frame)


def build_flow(
    rules: RuleSet,
    burst_rules: Sequence[BurstRule] = (),
    stages: Sequence[UserStage] = (),
    namespace: str = "default",
) -> Flow:
    """Puts the stages together."""
    return Flow(rules, build_signaller(burst_rules), tuple(stages), namespace)


def find_newest(batch: ParsedBatch) -> tuple[int | None, int | None]:
    """The latest time that a line of the batch itself names, and the latest of all its events; epoch ms.

    They differ where lines name no time and carry their record's: in a replay that is today, and taken for event
    time it would close every window of the past.
    """
    own: list[int] = []
    every: list[int] = []
    for block in batch.blocks:
        times = block.frame["@timestamp"].dt.timestamp("ms")
        latest = times.max()
        if isinstance(latest, int):
            every.append(latest)
        timed = times.filter(block.frame["_timed"]).max() if "_timed" in block.frame.columns else latest
        if isinstance(timed, int):
            own.append(timed)
    return max(own, default=None), max(every, default=None)

"""What a batch becomes: one frame for each rule that took part. The currency between parsers and pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute

import polars as pl


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of a batch that one rule parsed.

    `frame` holds `_row` (UInt32, the row in the batch), `_id`, `_time` and `_offset` if the batch had them,
    `_timed` (whether the time is the line's own, not its record's), `@timestamp` (Datetime ms UTC), and flat
    columns with dotted ECS names. Columns that start with `_` reach no document. `rule` is None for rows that
    no rule knew.
    """

    rule: str | None
    dataset: str
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """All blocks of a batch of `height` rows; every row is in exactly one block.

    `timeouts`: on how many lines each rule gave up because its backtracking patterns took too long; `seconds`: what
    these patterns took, by rule. Rules that have none, as most do, are in neither.
    """

    blocks: tuple[Block, ...]
    height: int
    timeouts: Mapping[str, int] = attribute(default_factory=dict)
    seconds: Mapping[str, float] = attribute(default_factory=dict)

    def to_frame(self) -> pl.DataFrame:
        """All rows in input order, in one wide frame with nulls where a rule has no such field."""
        if not self.blocks:
            return pl.DataFrame(schema={"_row": pl.UInt32})
        frames = [block.frame for block in self.blocks]
        return pl.concat(frames, how="diagonal_relaxed").sort("_row")

"""What the regression gate and the plots run again and again: a batch of lines through the parse core."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import polars as pl

from bench.lines import MAKERS, make_envelopes
from bench.parse import to_frame
from parsers.document import to_documents
from parsers.ruleset import RuleSet
from pipeline.demo.scenario import MINUTE, MINUTES, START
from pipeline.stages.decode import decode_records

ENVELOPES = "envelopes"
KINDS = ("mixed", "access", "ten", "sixty", ENVELOPES)
# As many as a worker takes at once.
BATCH = 20_000

Work: TypeAlias = Callable[[], int]
"""Does the work once; gives the number of documents."""


def build_workloads(
    rules: RuleSet, kinds: Iterable[str] = KINDS, lines: int = BATCH, batch: int = BATCH
) -> dict[str, Work]:
    """Whole documents of the lines of each kind; `envelopes`: the ten programs' lines in Filebeat's, decoded first."""
    return {
        kind: _build_decoding(rules, lines, batch)
        if kind == ENVELOPES
        else build_parsing(rules, MAKERS[kind](lines), batch)
        for kind in kinds
    }


def build_parsing(rules: RuleSet, lines: list[str], batch: int = BATCH) -> Work:
    """Lines to documents, batch by batch; the line frames are ready."""
    frames = [to_frame(lines[start : start + batch]) for start in range(0, len(lines), batch)]
    return lambda: sum(write_documents(rules, frame) for frame in frames)


def _build_decoding(rules: RuleSet, lines: int, batch: int) -> Work:
    values = make_envelopes("ten", lines)
    parts = [values[start : start + batch] for start in range(0, lines, batch)]

    def work() -> int:
        return sum(write_documents(rules, decode(part)) for part in parts)

    return work


def decode(values: list[bytes]) -> pl.DataFrame:
    """The line frame of records of the demo's last minute."""
    times = [START + MINUTES * MINUTE] * len(values)
    return decode_records("raw", 0, range(len(values)), times, values).lines


def write_documents(rules: RuleSet, frame: pl.DataFrame) -> int:
    """How many documents a line frame became."""
    return sum(len(to_documents(block.frame)) for block in rules.parse(frame).blocks)

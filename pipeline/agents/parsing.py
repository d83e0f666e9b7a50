"""One raw batch to all that goes out for it, as bytes. Pure; runs in a thread beside the event loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from parsers.frames import ParsedBatch
from pipeline.agents.dead import Letter, to_letter
from pipeline.flow import Flow
from pipeline.kafka.records import RecordBatch
from pipeline.reload.seen import Seen
from pipeline.stages.decode import Decoded, decode_batch

Report: TypeAlias = Callable[[RecordBatch, Exception], None]


@dataclass(frozen=True, slots=True)
class Parsed:
    """`keys`, `values`, `times` of the documents and `rows`, their records' places in the batch; the rest beside it."""

    keys: Sequence[bytes]
    values: Sequence[bytes]
    times: Sequence[int]
    rows: Sequence[int]
    letters: tuple[Letter, ...]
    signals: pl.DataFrame
    newest: int | None
    recorded: int | None


def parse_batch(batch: RecordBatch, flow: Flow, report: Report, seen: Seen | None = None) -> Parsed:
    """Decode and process a batch. A record on which a stage fails becomes a dead letter, its neighbours do not.

    `report` hears of every failure, several times for one bad record: the batch is halved until it is found. `seen`
    notes the lines and which rules took them.
    """
    try:
        decoded = decode_batch(batch)
        processed = flow.process(decoded.lines)
        if seen is not None:
            seen.add(decoded.lines, processed.batch, flow.rules)
    except Exception as error:  # a stage may be the user's, and no record may stop the others
        report(batch, error)
        if len(batch) == 1:
            return _refuse(batch, error, flow)
        middle = len(batch) // 2
        return _join(
            parse_batch(batch.slice(0, middle), flow, report, seen),
            parse_batch(batch.slice(middle, len(batch)), flow, report, seen),
            middle,
        )
    documents = processed.documents
    keys = pl.concat_str("_stream", pl.lit("/"), "_id").cast(pl.Binary).alias("key")
    columns = documents.select(keys, pl.col("document").cast(pl.Binary), "_time", "_row")
    return Parsed(
        columns["key"].to_list(),
        columns["document"].to_list(),
        columns["_time"].to_list(),
        _to_rows(decoded, len(batch), columns["_row"]),
        tuple(
            to_letter(batch, refused.row, "decode", "empty_record", refused.message)
            for refused in decoded.dead
        ),
        processed.signals,
        processed.newest,
        processed.recorded,
    )


def _to_rows(decoded: Decoded, height: int, lines: pl.Series) -> list[int]:
    if not decoded.dead:
        return lines.to_list()
    refused = {item.row for item in decoded.dead}
    kept = [row for row in range(height) if row not in refused]
    return [kept[line] for line in lines]


def _refuse(batch: RecordBatch, error: Exception, flow: Flow) -> Parsed:
    letter = to_letter(batch, 0, "parse", "stage_failed", f"{type(error).__name__}: {error}")
    return Parsed([], [], [], [], (letter,), flow.signal(ParsedBatch((), 0)), None, None)


def _join(first: Parsed, second: Parsed, middle: int) -> Parsed:
    return Parsed(
        [*first.keys, *second.keys],
        [*first.values, *second.values],
        [*first.times, *second.times],
        [*first.rows, *(row + middle for row in second.rows)],
        first.letters + second.letters,
        pl.concat([first.signals, second.signals]),
        _latest(first.newest, second.newest),
        _latest(first.recorded, second.recorded),
    )


def _latest(*times: int | None) -> int | None:
    return max((time for time in times if time is not None), default=None)

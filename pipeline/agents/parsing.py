"""Raw batches to all that goes out for them, as bytes. Pure; runs in a thread beside the event loop."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeAlias

import polars as pl

from parsers.frames import ParsedBatch
from pipeline.agents.letter import Letter, to_letter
from pipeline.flow import Flow
from pipeline.kafka.encode import EncodedBatch
from pipeline.kafka.records import RecordBatch
from pipeline.reload.seen import Seen
from pipeline.stages.decode import decode_batches

Report: TypeAlias = Callable[[RecordBatch, Exception], None]
Encode: TypeAlias = Callable[[pl.DataFrame], tuple[EncodedBatch, ...]]
"""Documents (`key` and `value`: String, `time`: Int64, epoch ms) to what is sent, see `encode_records`."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest times of a batch: see `find_newest`."""

    named: int | None = None
    recorded: int | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What batches became; `newest` has one item for each of them.

    `documents` are encoded by the caller's function, and `rows` their records' places in all batches, one behind the
    other (see `locate`). `letters` and `signals` go beside them.
    """

    documents: tuple[EncodedBatch, ...]
    rows: Sequence[int]
    letters: tuple[Letter, ...]
    signals: pl.DataFrame
    newest: tuple[Newest, ...]


def parse_batches(
    batches: Sequence[RecordBatch], flow: Flow, encode: Encode, report: Report, seen: Seen | None = None
) -> Parsed:
    """Decode and process batches, which may be of several partitions, together: most of the cost is one for all.

    A record on which a stage fails becomes a dead letter, its neighbours do not. `report` hears of every failure,
    several times for one bad record: a batch is halved until it is found. `seen` notes the lines and which rules took
    them.
    """
    try:
        return _parse(batches, flow, encode, seen)
    except Exception as error:  # a stage may be the user's, and no record may stop the others
        if len(batches) > 1:
            return _join(
                [parse_batches((batch,), flow, encode, report, seen) for batch in batches],
                list(map(len, batches)),
            )
        (batch,) = batches
        report(batch, error)
        if len(batch) == 1:
            return _refuse(batch, error, flow)
        middle = len(batch) // 2
        halves = batch.slice(0, middle), batch.slice(middle, len(batch))
        joined = _join(
            [parse_batches((half,), flow, encode, report, seen) for half in halves],
            [middle, len(batch) - middle],
        )
        return replace(joined, newest=(_latest(joined.newest),))


def locate(batches: Sequence[RecordBatch], row: int) -> tuple[RecordBatch, int]:
    """The batch, and the place in it, of a record by its place in all batches one behind the other."""
    starts = _to_starts(map(len, batches))
    index = bisect_right(starts, row) - 1
    return batches[index], row - starts[index]


def _parse(batches: Sequence[RecordBatch], flow: Flow, encode: Encode, seen: Seen | None) -> Parsed:
    decoded = decode_batches(batches)
    lines, dead = decoded.lines, [each.row for each in decoded.dead]
    processed = flow.process(lines)
    if seen is not None:
        seen.add(lines, processed.batch, flow.rules)
    documents = processed.documents
    key = pl.concat_str("_stream", pl.lit("/"), "_id").alias("key")
    sent = documents.select(key, pl.col("document").alias("value"), pl.col("_time").alias("time"))
    newest = (
        (Newest(processed.newest, processed.recorded),)
        if len(batches) == 1
        else _find_each_newest(processed.batch, _find_starts(batches, dead))
    )
    return Parsed(
        encode(sent),
        _to_rows(dead, lines.height, documents["_row"]),
        tuple(
            to_letter(*locate(batches, each.row), "decode", "empty_record", each.message)
            for each in decoded.dead
        ),
        processed.signals,
        newest,
    )


def _find_each_newest(parsed: ParsedBatch, starts: Sequence[int]) -> tuple[Newest, ...]:
    """`find_newest` for the lines from each of `starts` to the next."""
    time = pl.col("@timestamp").dt.timestamp("ms").alias("time")
    frames = [
        block.frame.select(
            "_row",
            time,
            (pl.col("_timed") if "_timed" in block.frame.columns else pl.lit(True)).alias("timed"),
        )
        for block in parsed.blocks
    ]
    if not frames:
        return (Newest(),) * len(starts)
    times = pl.concat(frames)
    firsts = pl.Series("first", starts, dtype=pl.UInt32)
    found = (
        times.group_by((firsts.search_sorted(times["_row"], side="right") - 1).alias("batch"))
        .agg(pl.col("time").filter("timed").max().alias("named"), pl.col("time").max().alias("recorded"))
        .rows_by_key("batch", unique=True)
    )
    return tuple(Newest(*found.get(index, ())) for index in range(len(starts)))


def _to_starts(sizes: Iterable[int]) -> list[int]:
    """Where each part begins."""
    return [0, *accumulate(sizes)][:-1]


def _find_starts(batches: Sequence[RecordBatch], dead: Sequence[int]) -> list[int]:
    """Where the lines of each batch begin; `dead` are the rows (ascending) of records that are none."""
    return [start - bisect_left(dead, start) for start in _to_starts(map(len, batches))]


def _to_rows(dead: Sequence[int], height: int, lines: pl.Series) -> list[int]:
    """The places of records among all those of the batches, by the places of their lines, `height` in all."""
    if not dead:
        return lines.to_list()
    refused = set(dead)
    kept = [row for row in range(height + len(dead)) if row not in refused]
    return [kept[line] for line in lines]


def _refuse(batch: RecordBatch, error: Exception, flow: Flow) -> Parsed:
    letter = to_letter(batch, 0, "parse", "stage_failed", f"{type(error).__name__}: {error}")
    return Parsed((), [], (letter,), flow.signal(ParsedBatch((), 0)), (Newest(),))


def _join(parts: Sequence[Parsed], sizes: Sequence[int]) -> Parsed:
    """What batches of these sizes became, one behind the other."""
    return Parsed(
        tuple(batch for part in parts for batch in part.documents),
        [start + row for start, part in zip(_to_starts(sizes), parts, strict=True) for row in part.rows],
        tuple(letter for part in parts for letter in part.letters),
        pl.concat([part.signals for part in parts]),
        tuple(newest for part in parts for newest in part.newest),
    )


def _latest(newest: Sequence[Newest]) -> Newest:
    return Newest(
        max((each.named for each in newest if each.named is not None), default=None),
        max((each.recorded for each in newest if each.recorded is not None), default=None),
    )

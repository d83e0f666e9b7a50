"""Searches the local store: the newest events that a query holds for, the oldest of them first."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import polars as pl

from pipeline.cores import count_cores
from pipeline.search_filter import parse_moment
from pipeline.search_query import Query
from pipeline.search_segment import KEYS, Wanted, find_rows, read_rows
from pipeline.sinks.segments import Segment, StoreError, list_segments

FOUND_SCHEMA = pl.Schema(
    {
        "_id": pl.String(),
        "@timestamp": pl.Datetime("ms", "UTC"),
        "host.name": pl.String(),
        "event.dataset": pl.String(),
        "log.level": pl.String(),
        "message": pl.String(),
        "log.file.path": pl.String(),
        "log.offset": pl.Int64(),
        "document": pl.String(),
        "_written": pl.Int64(),
    }
)
_PLACE_SCHEMA = pl.Schema({**KEYS, "_row": pl.UInt32(), "_segment": pl.Int64(), "_written": pl.Int64()})
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_ATTEMPTS = 3


def search_store(
    store: Path,
    query: Query,
    *,
    since: int | None = None,
    until: int | None = None,
    limit: int | None = 100,
    with_documents: bool = False,
) -> pl.DataFrame:
    """The newest `limit` events (None: all) at or after `since` and before `until` (epoch ms) that the query holds for.

    FOUND_SCHEMA, ordered by time, then file and offset; `document` is filled in on demand. An event that is in several
    segments counts once, in the version written last. Raises StoreError when there is no store, or it cannot be read.
    """
    if not (store / "events").is_dir():
        raise StoreError(f"there is no store at {store}; fill one with `tailrace run FILE --store {store}`")
    for attempt in range(_ATTEMPTS):
        try:
            return _search(list_segments(store), Wanted(query, since, until, limit), with_documents)
        except FileNotFoundError:
            # A running `tailrace run --follow` has merged a segment between listing and reading.
            if attempt + 1 == _ATTEMPTS:
                raise
        except pl.exceptions.PolarsError as error:
            raise StoreError(f"cannot read the store {store}: {error}") from error
    raise AssertionError("unreachable")


def parse_time(text: str, now: int) -> int:
    """A moment as epoch ms: an age such as `90s`, `15m`, `1h`, `2d` or `1w` before `now`, or an ISO 8601 time.

    A time that names no zone is in UTC. Raises ValueError for other text.
    """
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d|w)", text.strip())
    if found:
        return now - int(found[1]) * _UNITS[found[2]]
    moment: datetime | None = parse_moment(text.strip())
    if moment is None:
        raise ValueError(f"{text!r} is no time; write an age such as 15m, 1h or 2d, or 2026-07-01T10:00:00Z")
    return round(moment.timestamp() * 1000)


def _search(segments: Sequence[Segment], wanted: Wanted, with_documents: bool) -> pl.DataFrame:
    ordered = sorted(filter(wanted.meets, segments), key=lambda segment: segment.last, reverse=True)
    # Twice as many as cores: while one waits for its turn with the interpreter, another reads.
    workers = 2 * count_cores()
    with ThreadPoolExecutor(workers) as pool:
        try:
            return _read(_find(ordered, wanted, pool, workers), with_documents)
        finally:
            pool.shutdown(cancel_futures=True)


def _find(
    ordered: Iterable[Segment], wanted: Wanted, pool: ThreadPoolExecutor, workers: int
) -> list[tuple[Segment, pl.Series]]:
    """Where the wanted events are: rows of segments. These are taken newest first, and no more than are needed."""
    found = pl.DataFrame(schema=_PLACE_SCHEMA)
    tasks: deque[tuple[Segment, Future[pl.DataFrame]]] = deque()
    segments: list[Segment] = []
    left = iter(ordered)
    while True:
        while len(tasks) < workers and (following := next(left, None)) is not None:
            tasks.append((following, pool.submit(find_rows, following, wanted)))
        if not tasks:
            break
        segment, task = tasks.popleft()
        if wanted.limit is not None and found.height >= wanted.limit and segment.last < _to_ms(found):
            break
        rows = task.result()
        if rows.height:
            segments.append(segment)
            place = (pl.lit(len(segments) - 1).alias("_segment"), pl.lit(segment.written).alias("_written"))
            part = rows.with_columns(place).select(_PLACE_SCHEMA.names()).cast(_PLACE_SCHEMA)
            found = _keep_newest(pl.concat((found, part)), wanted.limit)
    return [
        (segments[number], rows["_row"].sort())
        for (number,), rows in found.partition_by("_segment", as_dict=True, include_key=False).items()
    ]


def _read(places: Iterable[tuple[Segment, pl.Series]], with_documents: bool) -> pl.DataFrame:
    columns = None if with_documents else FOUND_SCHEMA.names()
    parts = [pl.DataFrame(schema=FOUND_SCHEMA)]
    for segment, rows in places:
        frame = read_rows(segment, rows, columns)
        frame = frame.with_columns(
            _build_documents(frame) if with_documents else pl.lit(None).alias("document")
        )
        frame = frame.with_columns(pl.lit(segment.written).alias("_written"))
        parts.append(
            frame.select(
                (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
                for name, kind in FOUND_SCHEMA.items()
            )
        )
    return _keep_newest(pl.concat(parts), None)


def _build_documents(frame: pl.DataFrame) -> pl.Series:
    from parsers.document import to_documents  # the parsers take a third of a second to import

    return to_documents(frame).alias("document")


def _keep_newest(found: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    found = found.sort("_written").unique("_id", keep="last", maintain_order=True)
    found = found.sort("@timestamp", "log.file.path", "log.offset", maintain_order=True)
    return found if limit is None else found.tail(limit)


def _to_ms(found: pl.DataFrame) -> int:
    return int(found["@timestamp"].dt.epoch("ms")[0])

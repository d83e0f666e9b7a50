"""Searches the local store: the newest events that a query holds for, the oldest of them first."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from parsers.document import to_documents
from pipeline.search_filter import build_filter, parse_moment
from pipeline.search_query import Query
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
            return _search(list_segments(store), query, since, until, limit, with_documents)
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


def _search(
    segments: Sequence[Segment],
    query: Query,
    since: int | None,
    until: int | None,
    limit: int | None,
    with_documents: bool,
) -> pl.DataFrame:
    found = pl.DataFrame(schema=FOUND_SCHEMA)
    for segment in sorted(segments, key=lambda item: item.last, reverse=True):
        if (since is not None and segment.last < since) or (until is not None and segment.first >= until):
            continue
        if limit is not None and found.height >= limit and segment.last < _to_ms(found):
            break
        part = _read(segment, query, since, until, limit, with_documents)
        if part.height:
            found = _keep_newest(pl.concat((found, part)), limit)
    return found


def _read(
    segment: Segment,
    query: Query,
    since: int | None,
    until: int | None,
    limit: int | None,
    with_documents: bool,
) -> pl.DataFrame:
    lazy = pl.scan_parquet(segment.path, hive_partitioning=False)
    schema = lazy.collect_schema()
    time = pl.col("@timestamp").dt.epoch("ms")
    conditions = [build_filter(query, schema)]
    conditions += [time >= since] if since is not None else []
    conditions += [time < until] if until is not None else []
    frame = lazy.filter(pl.all_horizontal(conditions)).collect()
    # Rows are sorted by time within a segment.
    frame = frame if limit is None else frame.tail(limit)
    documents = to_documents(frame) if with_documents else pl.lit(None, dtype=pl.String)
    frame = frame.with_columns(documents.alias("document"), pl.lit(segment.written).alias("_written"))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in FOUND_SCHEMA.items()
    )


def _keep_newest(found: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    found = found.sort("_written").unique("_id", keep="last", maintain_order=True)
    found = found.sort("@timestamp", "log.file.path", "log.offset", maintain_order=True)
    return found if limit is None else found.tail(limit)


def _to_ms(found: pl.DataFrame) -> int:
    return int(found["@timestamp"].dt.epoch("ms")[0])

"""Looks one segment of the store through: what can be told from little is told first, and the rest is never read."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.search_filter import TEXT_FIELDS, asks_texts, build_filter, is_possible, split_texts
from pipeline.search_query import Query
from pipeline.sinks.grams import GRAMS_KEY, load_grams
from pipeline.sinks.segments import Segment
from pipeline.sinks.texts import INSIDE, MESSAGE_KEY

# What decides which events are shown, in which order, and which of two versions of one.
KEYS = pl.Schema(
    {
        "@timestamp": pl.Datetime("ms", "UTC"),
        "log.file.path": pl.String(),
        "log.offset": pl.Int64(),
        "_id": pl.String(),
    }
)
_ROW = "_row"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: at or after `since`, before `until` (epoch ms), the newest `limit` (None: all)."""

    query: Query
    since: int | None = None
    until: int | None = None
    limit: int | None = None

    def meets(self, segment: Segment) -> bool:
        """Whether the segment's times leave room for an event that is wanted."""
        return (self.since is None or segment.last >= self.since) and (
            self.until is None or segment.first < self.until
        )


def find_rows(segment: Segment, wanted: Wanted) -> pl.DataFrame:
    """The segment's rows that are wanted, in their order: KEYS and `_row`, the place in the segment.

    With a limit, its newest rows: so many, and those of the same time as the oldest of them.
    """
    lazy = pl.scan_parquet(segment.path, hive_partitioning=False)
    schema = lazy.collect_schema()
    nothing = pl.DataFrame(schema={**KEYS, _ROW: pl.UInt32})
    told = pl.read_parquet_metadata(segment.path) if asks_texts(wanted.query) else {}
    if not is_possible(wanted.query, schema, segment.dataset, load_grams(told.get(GRAMS_KEY))):
        return nothing
    fields, texts = split_texts(wanted.query)
    bounds = _build_bounds(segment, wanted)
    rows = _filter(lazy, [*bounds, *(build_filter(part, schema) for part in fields)])
    if texts and (rows is None or len(rows)):
        read = ("event.original",) if told.get(MESSAGE_KEY) == INSIDE else TEXT_FIELDS
        rows = _filter_further(lazy, rows, [build_filter(part, schema, read) for part in texts])
    rows = rows if rows is not None else _list_rows(lazy)
    if wanted.limit is not None and len(rows) > wanted.limit:
        # Rows are sorted by time within a segment.
        times = lazy.select("@timestamp").collect().to_series()
        rows = rows.filter(times.gather(rows) >= times[int(rows[-wanted.limit])])
    if not len(rows):
        return nothing
    present = [name for name in KEYS if name in schema]
    found = _take(lazy.select(present), rows)
    return found.select(
        *(
            (pl.col(name) if name in present else pl.lit(None)).cast(kind).alias(name)
            for name, kind in KEYS.items()
        ),
        rows.alias(_ROW),
    )


def read_rows(segment: Segment, rows: pl.Series, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Rows of a segment by their places, with those of the `columns` that it has (None: all)."""
    lazy = pl.scan_parquet(segment.path, hive_partitioning=False)
    if columns is not None:
        schema = lazy.collect_schema()
        lazy = lazy.select(name for name in columns if name in schema)
    return _take(lazy, rows)


def _build_bounds(segment: Segment, wanted: Wanted) -> list[pl.Expr]:
    time = pl.col("@timestamp").dt.epoch("ms")
    bounds = []
    if wanted.since is not None and segment.first < wanted.since:
        bounds.append(time >= wanted.since)
    if wanted.until is not None and segment.last >= wanted.until:
        bounds.append(time < wanted.until)
    return bounds


def _filter(lazy: pl.LazyFrame, conditions: Sequence[pl.Expr]) -> pl.Series | None:
    """The rows that all conditions hold for; None without conditions: all of them."""
    if not conditions:
        return None
    found = lazy.with_row_index(_ROW).filter(pl.all_horizontal(conditions)).select(_ROW)
    return found.collect().to_series()


def _filter_further(
    lazy: pl.LazyFrame, rows: pl.Series | None, conditions: Sequence[pl.Expr]
) -> pl.Series | None:
    """As `_filter`, of these rows (None: all)."""
    if rows is None:
        return _filter(lazy, conditions)
    held = pl.DataFrame(rows.alias(_ROW))
    names = sorted({name for condition in conditions for name in condition.meta.root_names()})
    if names:
        held = held.hstack(_take(lazy.select(names), rows))
    return held.filter(pl.all_horizontal(conditions))[_ROW]


def _list_rows(lazy: pl.LazyFrame) -> pl.Series:
    return lazy.with_row_index(_ROW).select(_ROW).collect().to_series()


def _take(lazy: pl.LazyFrame, rows: pl.Series) -> pl.DataFrame:
    """Rows by their places, in ascending order. What lies before the first and after the last is not decoded."""
    first, last = int(rows[0]), int(rows[-1])
    frame = lazy.slice(first, last - first + 1).collect()
    return frame if frame.height == len(rows) else frame[rows - first]

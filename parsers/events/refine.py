"""Makes fields of captures: types, value maps, the event's time; and puts them over what was known before."""

import polars as pl

from parsers.events.compile import CompiledRule
from parsers.events.convert import convert_types, map_values
from parsers.events.times import PLAUSIBLE_LEAD, UTC_MILLISECONDS, parse_times
from parsers.patterns.extract import blank_to_null

DATE_UNREADABLE = "_date_unreadable"
DATE_IMPLAUSIBLE = "_date_implausible"


def refine_captures(
    captures: pl.DataFrame, rows: pl.DataFrame, compiled: CompiledRule, default_timezone: str
) -> pl.DataFrame:
    """Converts one rule's captures.

    Args:
        captures: String columns, n rows (or no column at all).
        rows: the same n rows with what is known of them (`_time`, `event.timezone`, the parent's fields).
        compiled: the rule.
        default_timezone: for times without any zone.

    Returns:
        n rows (no column at all where nothing was captured): typed fields, `@timestamp` where the rule names
        a time, `log.level` in lower case.
    """
    rule = compiled.rule
    frame = blank_to_null(captures, compiled.blankable)
    if rule.timestamp is not None:
        source = rule.timestamp.field
        known = frame if source in frame.columns else rows
        if source in known.columns:
            frame = _read_times(frame, known[source].cast(pl.String), rows, compiled, default_timezone)
            if source in frame.columns and "." not in source and source != "@timestamp":
                frame = frame.drop(source)
    if not frame.width:
        return frame
    frame = convert_types(frame, compiled.types, list(frame.columns))
    if rule.map:
        sources = {item.source for item in rule.map} | {item.target for item in rule.map}
        inherited = [name for name in sources if name not in frame.columns and name in rows.columns]
        frame = map_values(frame.with_columns(rows.select(inherited)), rule.map)
    if frame.schema.get("log.level") == pl.String:
        frame = frame.with_columns(pl.col("log.level").str.to_lowercase())
    return frame


def _read_times(
    frame: pl.DataFrame, texts: pl.Series, rows: pl.DataFrame, compiled: CompiledRule, default_timezone: str
) -> pl.DataFrame:
    spec = compiled.rule.timestamp
    assert spec is not None
    zones = rows["event.timezone"] if rows.schema.get("event.timezone") == pl.String else None
    recorded = rows["_time"]
    times = parse_times(texts, spec, recorded, zones, default_timezone)
    new = [times.alias("@timestamp")]
    unreadable = texts.is_not_null() & times.is_null()
    if unreadable.any():
        new.append(texts.set(~unreadable, None).alias(DATE_UNREADABLE))
    limit = recorded.cast(UTC_MILLISECONDS) + PLAUSIBLE_LEAD
    implausible = ((times > limit) | (times.dt.timestamp("ms") < 0)).fill_null(False)
    if implausible.any():
        new[0] = times.set(implausible, None).alias("@timestamp")
        new.append(texts.set(~implausible, None).alias(DATE_IMPLAUSIBLE))
    return frame.with_columns(new) if frame.width else pl.DataFrame(new)


def merge_captures(rows: pl.DataFrame, captures: pl.DataFrame) -> pl.DataFrame:
    """Puts captured fields over the rows' own; a null capture leaves what was there."""
    new = []
    for column in captures.iter_columns():
        name = column.name
        if name in rows.columns and column.null_count():
            known = rows[name]
            if known.dtype != column.dtype:
                known = known.cast(column.dtype, strict=False)
            column = column.zip_with(column.is_not_null(), known)
        new.append(column)
    return rows.with_columns(new) if new else rows

"""Makes fields of captures: types, value maps, the event's time; and puts them over what was known before."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from parsers.events.columns import drop_columns, find_texts, put_columns
from parsers.events.compile import CompiledRule
from parsers.events.prepare import ROW
from parsers.events.times.times import LEAD_MILLISECONDS, PLAUSIBLE_LEAD, UTC_MILLISECONDS, parse_times
from parsers.events.times.zones import choose_zones
from parsers.events.values.convert import convert_types, map_values
from parsers.events.values.dissect import dissect_fields
from parsers.events.values.levels import add_levels
from parsers.events.values.syslog_priority import add_priority
from parsers.model import Rule, ZoneRule
from parsers.patterns.extract import blank_to_null

DATE_UNREADABLE = "_date_unreadable"
DATE_IMPLAUSIBLE = "_date_implausible"


def refine_captures(
    captures: pl.DataFrame,
    rows: pl.DataFrame,
    compiled: CompiledRule,
    default_timezone: str,
    timezones: Sequence[ZoneRule] = (),
) -> pl.DataFrame:
    """Converts one rule's captures.

    Args:
        captures: String columns, n rows (or no column at all).
        rows: the same n rows with what is known of them (`_time`, `event.timezone`, the parent's fields).
        compiled: the rule.
        default_timezone: for times without any zone.
        timezones: zones by conditions, for times whose line and rule name none.

    Returns:
        n rows (no column at all where nothing was captured): typed fields, `@timestamp` where the rule names
        a time, `log.level` on one scale with `event.severity`, what a syslog priority says, dissected parts.
    """
    rule = compiled.rule
    if rule.trim or rule.lower:
        captures = _clean_texts(captures, rule)
    # A text that `trim` leaves empty is nothing as well.
    blankable = compiled.blankable.union(rule.trim) if rule.trim else compiled.blankable
    frame = blank_to_null(captures, blankable)
    if rule.timestamp is not None:
        source = rule.timestamp.field
        known = frame if source in frame.columns else rows
        if source in known.columns:
            texts = known[source]
            if texts.dtype != pl.String:
                texts = texts.cast(pl.String)
            frame = _read_times(frame, texts, rows, compiled, default_timezone, timezones)
            if source in frame.columns and "." not in source and source != "@timestamp":
                frame = drop_columns(frame, (source,))
    if compiled.dissectors and not frame.width:
        return dissect_fields(frame, rows, compiled.dissectors)
    if not frame.width and not rule.map:
        return frame
    is_bare = not frame.width
    if is_bare:
        # A frame without columns has no height; maps may read what the rules before this one captured.
        frame = rows[[ROW]]
    frame = convert_types(frame, compiled.types, list(frame.columns), rule.separators)
    if rule.map:
        sources = {item.source for item in rule.map} | {item.target for item in rule.map}
        inherited = [name for name in sources if name not in frame.columns and name in rows.columns]
        frame = map_values(put_columns(frame, [rows[name] for name in inherited]), compiled.mappers)
    if is_bare:
        frame = drop_columns(frame, (ROW,))
    frame = add_priority(add_levels(frame))
    return dissect_fields(frame, rows, compiled.dissectors) if compiled.dissectors else frame


def _clean_texts(captures: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    names = {name for name in (*rule.trim, *rule.lower) if find_texts(captures, name) is not None}
    texts = {name: pl.col(name) for name in captures.columns if name in names}
    for name in rule.trim:
        if name in texts:
            texts[name] = texts[name].str.strip_chars()
    for name in rule.lower:
        if name in texts:
            texts[name] = texts[name].str.to_lowercase()
    return captures.with_columns(**texts) if texts else captures


def _read_times(
    frame: pl.DataFrame,
    texts: pl.Series,
    rows: pl.DataFrame,
    compiled: CompiledRule,
    default_timezone: str,
    timezones: Sequence[ZoneRule],
) -> pl.DataFrame:
    spec = compiled.rule.timestamp
    assert spec is not None
    zones = choose_zones(spec, frame, rows, timezones)
    if zones is not None and isinstance(spec.timezone, str):
        spec = replace(spec, timezone=None)  # the line's own, filled up with the rule's
    recorded = rows["_time"]
    times = parse_times(texts, spec, recorded, zones, default_timezone)
    new = [times.alias("@timestamp")]
    if times.null_count() > texts.null_count():
        unreadable = texts.is_not_null() & times.is_null()
        new.append(texts.set(~unreadable, None).alias(DATE_UNREADABLE))
    if not _are_plausible(times, recorded):
        limit = recorded.cast(UTC_MILLISECONDS) + PLAUSIBLE_LEAD
        implausible = ((times > limit) | (times.dt.timestamp("ms") < 0)).fill_null(False)
        if implausible.any():
            new[0] = times.set(implausible, None).alias("@timestamp")
            new.append(texts.set(~implausible, None).alias(DATE_IMPLAUSIBLE))
    return put_columns(frame, new)


def _are_plausible(times: pl.Series, recorded: pl.Series) -> bool:
    """Whether the bounds of both show that every time is plausible: a look that costs next to nothing."""
    milliseconds = times.cast(pl.Int64)
    first, last, known = milliseconds.min(), milliseconds.max(), recorded.min()
    if not isinstance(first, int) or not isinstance(last, int):
        return True
    if first < 0:
        return False
    is_late = isinstance(known, int) and last > known + LEAD_MILLISECONDS
    return not is_late


def merge_captures(rows: pl.DataFrame, captures: pl.DataFrame) -> pl.DataFrame:
    """Puts captured fields over the rows' own; a null capture leaves what was there."""
    new = []
    names = set(rows.columns)
    for name, column in zip(captures.columns, captures.get_columns(), strict=True):
        if name in names and column.null_count():
            known = rows[name]
            if known.dtype != column.dtype:
                known = known.cast(column.dtype, strict=False)
            column = column.zip_with(column.is_not_null(), known)
        new.append(column)
    return put_columns(rows, new)

"""Which zone an event's time is read in when the line names none: by rule, by installation, by record."""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from parsers.events.columns import fill_from, find_texts
from parsers.events.when import Router
from parsers.model import Condition, Timestamp, When, ZoneChoice, ZoneRule

RECORD_ZONE = "event.timezone"


def choose_zones(
    spec: Timestamp, captures: pl.DataFrame, rows: pl.DataFrame, installation: Sequence[ZoneRule] = ()
) -> pl.Series | None:
    """The zone of each row: that of its line (`event.timezone`, captured), its rule, the installation or its record.

    Args:
        spec: the rule's `timestamp`.
        captures: what the rule captured; a field is looked for here first. May have no column at all.
        rows: what is known of the same rows; its height counts.
        installation: zones by conditions; the first whose conditions hold counts.

    Returns:
        String series of the rows' height, null where nobody says a zone. None when that is so for all, or when the
        rule names one zone for all, which then counts.
    """
    choice = spec.timezone
    own = find_texts(captures, RECORD_ZONE)
    if isinstance(choice, str):
        return None if own is None else own.fill_null(choice)
    recorded = find_texts(rows, RECORD_ZONE)
    if choice is None and own is None and not installation:
        return None if recorded is None or recorded.null_count() == len(recorded) else recorded
    zones = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    if choice is not None:
        zones = _choose_first(_to_rules(choice), captures, rows)
        if choice.default is not None:
            zones = zones.fill_null(choice.default)
    if own is not None:
        zones = fill_from(own, zones)
    if installation and zones.null_count():
        found = _choose_first(installation, captures, rows)
        zones = fill_from(zones, found)
    if zones.null_count() and recorded is not None:
        zones = fill_from(zones, recorded)
    return None if zones.null_count() == len(zones) else zones


def _to_rules(choice: ZoneChoice) -> tuple[ZoneRule, ...]:
    return tuple(
        ZoneRule(((Condition(choice.field, (glob,)),),), zone) for glob, zone in choice.values.items()
    )


def _choose_first(rules: Sequence[ZoneRule], captures: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    names = dict.fromkeys(_list_fields(rule.when for rule in rules))
    columns = [captures[name] for name in names if name in captures.columns]
    columns += [rows[name] for name in names if name in rows.columns and name not in captures.columns]
    router = Router(pl.DataFrame(columns) if columns else rows.select())
    chosen = np.full(rows.height, -1, dtype=np.int64)
    open_rows = np.ones(rows.height, dtype=np.bool_)
    for number, rule in enumerate(rules):
        if not columns and rule.when:
            continue
        met = router.find_rows(rule.when, open_rows)
        chosen[met] = number
        open_rows[met] = False
    texts = pl.Series([rule.timezone for rule in rules], dtype=pl.String)
    places = pl.Series(chosen)
    return texts.gather(places.set(places < 0, None))


def _list_fields(whens: Iterable[When]) -> Iterable[str]:
    return (condition.field for when in whens for every in when for condition in every)

"""Fields from a table: the row whose key an event's field holds."""

from dataclasses import dataclass

import polars as pl

from parsers.events.values.convert import convert_types
from parsers.model import Lookup, Scalar


@dataclass(frozen=True, slots=True)
class TableLookup:
    """A lookup ready to run: `places` gives the row of `fields` that belongs to a key."""

    source: str
    places: dict[str, int]
    fields: pl.DataFrame


def build_table_lookup(lookup: Lookup) -> TableLookup:
    """Columns of the table by the fields they become, in the types that ECS gives those.

    Raises:
        ValueError: the table was not read.
    """
    table = lookup.table
    if table is None:
        raise ValueError(f"the table '{lookup.path}' was not read: load the rules from their directory")
    rows = list(table.rows.values())
    columns = []
    for name, field in lookup.to.items():
        at = table.columns.index(name)
        columns.append(_to_column(field, [row[at] for row in rows]))
    fields = convert_types(pl.DataFrame(columns), {}, list(lookup.to.values()))
    return TableLookup(lookup.source, {key: row for row, key in enumerate(table.rows)}, fields)


def describe_lookup(lookup: Lookup) -> tuple[object, ...]:
    """What makes a lookup what it is, the table's content included."""
    digest = lookup.table.digest if lookup.table is not None else ""
    return (lookup.path, lookup.source, dict(lookup.to), lookup.key, digest)


def _to_column(field: str, values: list[Scalar]) -> pl.Series:
    """Values of one type stay so; of several, they are texts."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        values = [None if value is None else _to_text(value) for value in values]
    return pl.Series(field, values) if kinds else pl.Series(field, values, dtype=pl.String)


def _to_text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def look_up(lookup: TableLookup, frame: pl.DataFrame) -> list[pl.Series]:
    """The fields of the rows' table rows, null where the table has no such key; none at all where no row has one."""
    if lookup.source not in frame.columns or frame.schema[lookup.source].is_nested():
        return []
    keys = frame[lookup.source].cast(pl.String)
    distinct = keys.drop_nulls().unique()
    found = [(key, place) for key in distinct if (place := lookup.places.get(key)) is not None]
    if not found:
        return []
    rows = keys.replace_strict(
        [key for key, _ in found], [place for _, place in found], default=None, return_dtype=pl.UInt32
    )
    return [column.gather(rows) for column in lookup.fields.iter_columns()]

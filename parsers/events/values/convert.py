"""Gives captured texts their types, and maps values.

Text that does not fit its type becomes null, not an error: `event.original` still holds it.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import polars as pl

from parsers.ecs import find_field_type
from parsers.events.values.convert_units import DURATION_UNITS, read_durations, read_hexadecimals, read_sizes
from parsers.model import ValueMap

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_BYTE}(?:\.{_BYTE}){{3}}$"
_BOOLEANS = {
    "true": True,
    "false": False,
    "yes": True,
    "no": False,
    "on": True,
    "off": False,
    "1": True,
    "0": False,
}


def choose_type(name: str, declared: Mapping[str, str]) -> str:
    """The type of a field: what the rule declares, else what ECS says."""
    return declared.get(name) or find_field_type(name)


def convert_types(
    frame: pl.DataFrame,
    declared: Mapping[str, str],
    names: Iterable[str],
    separators: Mapping[str, str] = MappingProxyType({}),
) -> pl.DataFrame:
    """Converts the String columns among `names` to the types that the rule declares, or else ECS.

    `long`, `bytes`, `hex` and the durations (nanoseconds) become Int64, `double` Float64, `boolean` Boolean,
    `list` List(String), its items parted by the field's entry in `separators`, by commas without one.

    A text in an `….ip` field that is no address moves to `….address` when that column is not there:
    Elasticsearch would refuse the whole document for it.
    """
    expressions: list[pl.Expr] = []
    for name in names:
        if frame.schema.get(name) != pl.String:
            continue
        column = pl.col(name)
        match choose_type(name, declared):
            case "long":
                expressions.append(column.cast(pl.Int64, strict=False).alias(name))
            case "double":
                number = column.cast(pl.Float64, strict=False)
                expressions.append(pl.when(number.is_finite()).then(number).alias(name))
            case "boolean":
                expressions.append(
                    column.str.to_lowercase()
                    .replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
                    .alias(name)
                )
            case "ip":
                valid = is_address(frame[name])
                if valid.all():
                    continue
                expressions.append(pl.when(valid).then(column).alias(name))
                address = name.removesuffix("ip") + "address"
                if name.endswith(".ip") and address not in frame.columns:
                    expressions.append(pl.when(~valid).then(column).alias(address))
            case "bytes":
                expressions.append(pl.lit(read_sizes(frame[name])))
            case "hex":
                expressions.append(pl.lit(read_hexadecimals(frame[name])))
            case "list":
                expressions.append(split_list(column, separators.get(name, ",")).alias(name))
            case kind if kind in DURATION_UNITS:
                expressions.append(pl.lit(read_durations(frame[name], DURATION_UNITS[kind])))
    return frame.with_columns(expressions) if expressions else frame


def split_list(column: pl.Expr, separator: str) -> pl.Expr:
    """The items between the separators, without blanks around them and without empty ones; null for none."""
    items = column.str.split(separator).list.eval(pl.element().str.strip_chars())
    kept = items.list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(kept.list.len() > 0).then(kept)


def is_address(texts: pl.Series) -> pl.Series:
    """Whether each text is an IPv4 or IPv6 address (RFC 4291 forms, no zone); null counts as true."""
    valid = texts.str.contains(_IPV4).fill_null(True)
    if valid.all():
        return valid
    others = texts.filter(~valid).unique()
    good = [text for text in others if _reads_as_address(text)]
    return valid | texts.is_in(good)


def _reads_as_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def map_values(frame: pl.DataFrame, maps: Iterable[ValueMap]) -> pl.DataFrame:
    """Applies value maps in order. Keys compare as text, so that `200` finds the number 200."""
    for value_map in maps:
        if value_map.source not in frame.columns:
            if value_map.default is not None and value_map.target not in frame.columns:
                frame = frame.with_columns(pl.lit(value_map.default).alias(value_map.target))
            continue
        source = pl.col(value_map.source).cast(pl.String)
        values = list(value_map.values.values())
        same = value_map.target == value_map.source
        is_text = all(isinstance(value, str) for value in [*values, value_map.default] if value is not None)
        kind = pl.String if is_text else None
        mapped = source.replace_strict(
            list(value_map.values),
            values,
            default=None if value_map.default is None else value_map.default,
            return_dtype=kind,
        )
        if value_map.default is None and same and is_text:
            mapped = pl.coalesce(mapped, source)
        elif value_map.default is not None:
            mapped = pl.when(source.is_not_null()).then(mapped).otherwise(pl.lit(value_map.default))
        if not same and value_map.target in frame.columns:
            mapped = pl.coalesce(
                mapped, pl.col(value_map.target).cast(kind) if kind else pl.col(value_map.target)
            )
        frame = frame.with_columns(mapped.alias(value_map.target))
    return frame

"""Gives captured texts their types, and maps values.

Text that does not fit its type becomes null, not an error: `event.original` still holds it.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl

from parsers.ecs import find_field_type
from parsers.events.columns import fill_from, find_codes, find_texts, plan_codes, put_columns
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
    new: list[pl.Series] = []
    for name in names:
        column = find_texts(frame, name)
        if column is None:
            continue
        match choose_type(name, declared):
            case "long":
                new.append(column.cast(pl.Int64, strict=False))
            case "double":
                new.append(_read_numbers(column))
            case "boolean":
                new.append(_read_booleans(column))
            case "ip":
                new += _part_addresses(column, frame)
            case "bytes":
                new.append(read_sizes(column))
            case "hex":
                new.append(read_hexadecimals(column))
            case "list":
                new.append(pl.select(split_list(pl.lit(column), separators.get(name, ",")).alias(name))[name])
            case kind if kind in DURATION_UNITS:
                new.append(read_durations(column, DURATION_UNITS[kind]))
    return put_columns(frame, new)


def _read_numbers(texts: pl.Series) -> pl.Series:
    numbers = texts.cast(pl.Float64, strict=False)
    if np.isfinite(numbers.to_numpy()).sum() == len(numbers) - numbers.null_count():
        return numbers
    return numbers.set(~numbers.is_finite(), None)


def _read_booleans(texts: pl.Series) -> pl.Series:
    return texts.str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)


def _part_addresses(column: pl.Series, frame: pl.DataFrame) -> list[pl.Series]:
    """The column without what is no address, which goes to `….address`; nothing where all are addresses."""
    valid = is_address(column)
    if valid.all():
        return []
    address = column.name.removesuffix("ip") + "address"
    others = [column.set(valid, None).alias(address)] if column.name.endswith(".ip") else []
    return [column.set(~valid, None), *(other for other in others if address not in frame.columns)]


def split_list(column: pl.Expr, separator: str) -> pl.Expr:
    """The items between the separators, without blanks around them and without empty ones; null for none."""
    items = column.str.split(separator).list.eval(pl.element().str.strip_chars())
    kept = items.list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(kept.list.len() > 0).then(kept)


def is_address(texts: pl.Series) -> pl.Series:
    """Whether each text is an IPv4 or IPv6 address (RFC 4291 forms, no zone); null counts as true."""
    valid = texts.str.contains(_IPV4)
    if valid.null_count():
        valid = valid.fill_null(True)
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


@dataclass(frozen=True, slots=True)
class Mapper:
    """A value map that is ready: `codes` numbers its keys, `values` holds what each means, the default behind them."""

    value_map: ValueMap
    codes: pl.Expr
    values: pl.Series


def build_mapper(value_map: ValueMap) -> Mapper:
    """Readies a value map; keys compare as text, so that `200` finds the number 200."""
    values = [*value_map.values.values(), value_map.default]
    texts = all(isinstance(value, str) for value in values if value is not None)
    codes = plan_codes(pl.Enum(list(value_map.values)))
    return Mapper(value_map, codes, pl.Series(values, dtype=pl.String if texts else None))


def map_values(frame: pl.DataFrame, mappers: Iterable[Mapper]) -> pl.DataFrame:
    """Applies value maps in order."""
    for mapper in mappers:
        value_map = mapper.value_map
        source = frame.get_column(value_map.source, default=None)
        if source is None:
            if value_map.default is not None and value_map.target not in frame.columns:
                frame = frame.with_columns(pl.lit(value_map.default).alias(value_map.target))
            continue
        texts = source.cast(pl.String)
        codes = find_codes(texts, mapper.codes)
        if value_map.default is not None and codes.null_count():
            codes = codes.fill_null(len(value_map.values))
        mapped = mapper.values[codes].alias(value_map.target)
        if value_map.target == value_map.source:
            if value_map.default is None and mapper.values.dtype == pl.String:
                mapped = fill_from(mapped, texts)
        elif (known := frame.get_column(value_map.target, default=None)) is not None and mapped.null_count():
            mapped = fill_from(mapped, known.cast(mapped.dtype, strict=False))
        frame = put_columns(frame, [mapped])
    return frame

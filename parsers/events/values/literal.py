"""Fixed values of rules, as Polars literals and as columns."""

from functools import lru_cache
from typing import TypeAlias

import polars as pl

from parsers.model import Value

_Items: TypeAlias = tuple[tuple[type, object], ...]


def to_literal(name: str, value: Value) -> pl.Expr:
    """A column of that name whose every row holds the value; a list becomes a List column of its items' type."""
    return _build_literal(name, isinstance(value, list), _list_items(value))


def repeat_literal(name: str, value: Value, height: int) -> pl.Series:
    """The column that `to_literal` gives, `height` rows of it, without a query plan."""
    return _build_row(name, isinstance(value, list), _list_items(value)).new_from_index(0, height)


def _list_items(value: Value) -> _Items:
    items = value if isinstance(value, list) else [value]
    # True and 1 are equal, and not the same.
    return tuple((type(item), item) for item in items)


@lru_cache(maxsize=8192)
def _build_literal(name: str, is_list: bool, items: _Items) -> pl.Expr:
    values = [item for _, item in items]
    literal = pl.lit(pl.Series([values])).first() if is_list else pl.lit(values[0])
    return literal.alias(name)


@lru_cache(maxsize=8192)
def _build_row(name: str, is_list: bool, items: _Items) -> pl.Series:
    return pl.select(_build_literal(name, is_list, items)).to_series()

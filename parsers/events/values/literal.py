"""Fixed values of rules as Polars literals."""

from functools import lru_cache

import polars as pl

from parsers.model import Value


def to_literal(name: str, value: Value) -> pl.Expr:
    """A column of that name whose every row holds the value; a list becomes a List column of its items' type."""
    items = value if isinstance(value, list) else [value]
    # True and 1 are equal, and not the same.
    return _build_literal(name, isinstance(value, list), tuple((type(item), item) for item in items))


@lru_cache(maxsize=8192)
def _build_literal(name: str, is_list: bool, items: tuple[tuple[type, object], ...]) -> pl.Expr:
    values = [item for _, item in items]
    literal = pl.lit(pl.Series([values])).first() if is_list else pl.lit(values[0])
    return literal.alias(name)

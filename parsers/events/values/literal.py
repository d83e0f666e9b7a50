"""Fixed values of rules as Polars literals."""

import polars as pl

from parsers.model import Value


def to_literal(value: Value) -> pl.Expr:
    """A value that stands in every row; a list becomes a List column of its items' type."""
    if isinstance(value, list):
        return pl.lit(pl.Series([value])).first()
    return pl.lit(value)

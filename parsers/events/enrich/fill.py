"""Puts added fields where nothing else has filled them."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl


def fill_fields(
    frame: pl.DataFrame, added: Iterable[pl.Series], allowed: npt.NDArray[np.bool_] | None = None
) -> pl.DataFrame:
    """The frame with the columns of `added`, which have its height; a value that is there stays.

    `allowed`: the rows that may be filled; None: all. A column that would be null throughout is left out.
    """
    mask = None if allowed is None else pl.Series(allowed, dtype=pl.Boolean)
    new = []
    for column in added:
        if mask is not None:
            column = column.set(~mask, None) if not column.dtype.is_nested() else _blank(column, mask)
        if column.null_count() == len(column):
            continue
        if column.name in frame.columns:
            known = frame[column.name]
            if not known.null_count():
                continue
            column = known.zip_with(known.is_not_null(), column.cast(known.dtype, strict=False))
        new.append(column)
    return frame.with_columns(new) if new else frame


def _blank(column: pl.Series, mask: pl.Series) -> pl.Series:
    return column.zip_with(mask, pl.Series(column.name, [None], dtype=column.dtype))

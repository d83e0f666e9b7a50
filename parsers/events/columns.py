"""Puts columns into frames and takes them out without a query plan: a plan costs ten times as much, for every rule."""

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl


def put_columns(frame: pl.DataFrame, columns: Sequence[pl.Series]) -> pl.DataFrame:
    """The frame with `columns` (distinct names, the frame's height) in place of those of the same names, or behind.

    A frame without columns has no height and takes that of `columns`.
    """
    known = set(frame.columns)
    replaced = [column for column in columns if column.name in known]
    if replaced:
        frame = frame.clone()
        for column in replaced:
            frame.replace_column(frame.get_column_index(column.name), column)
    added = [column for column in columns if column.name not in known]
    if not added:
        return frame
    return frame.hstack(added) if frame.width else pl.DataFrame(added)


def find_texts(frame: pl.DataFrame, name: str) -> pl.Series | None:
    """The column of that name if there is one and it holds texts. A frame's `schema` costs by all its columns."""
    column = frame.get_column(name, default=None)
    return column if column is not None and column.dtype == pl.String else None


def fill_from(column: pl.Series, other: pl.Series) -> pl.Series:
    """`column` with its nulls taken from `other`, of the same type and height."""
    return column.zip_with(column.is_not_null(), other) if column.null_count() else column


def plan_codes(kind: pl.Enum) -> pl.Expr:
    """What `find_codes` works by. An expression holds its type ready; a cast reads all categories of it again."""
    return pl.col("texts").cast(kind, strict=False).to_physical().cast(pl.UInt32)


def find_codes(texts: pl.Series, codes: pl.Expr) -> pl.Series:
    """The places of texts among the categories of the Enum of `plan_codes` (UInt32); null for other texts."""
    return texts.alias("texts").to_frame().select(codes).to_series()


def drop_columns(frame: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    """The frame without the columns of these names, which may be missing."""
    dropped = [name for name in frame.columns if name in names]
    if not dropped:
        return frame
    if len(dropped) == frame.width:
        return frame.select()
    frame = frame.clone()
    for name in dropped:
        frame.drop_in_place(name)
    return frame


def repeat_value(name: str, value: str | bool | int, height: int) -> pl.Series:
    """A series of that name that holds one value `height` times."""
    return _build_row(name, type(value).__name__, value).new_from_index(0, height)


# True and 1 are equal, and not the same: hence the type.
@lru_cache(maxsize=4096)
def _build_row(name: str, kind: str, value: str | bool | int) -> pl.Series:
    return pl.Series(name, [value])


def to_places(rows: npt.NDArray[np.int64]) -> pl.Series:
    """Row numbers as a series that series and frames take as an index without a look at each."""
    return pl.Series(rows.astype(np.uint32))

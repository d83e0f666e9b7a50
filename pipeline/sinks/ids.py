"""What a store needs to know of a segment's `_id`s; computed over columns, for there are many of them."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash

Spans: TypeAlias = dict[str, tuple[int, int]]
"""By origin (the first part of an `_id`) the lowest and the highest offset (its second part)."""

# `<16 hex digits>-<12 digits>-…`, see `with_identity`: the offset has more digits beyond a terabyte.
_ORIGIN_DIGITS = 16
_OFFSET_DIGITS = 12
_END = _ORIGIN_DIGITS + 1 + _OFFSET_DIGITS


def hash_ids(ids: pl.Series) -> str:
    """Sixteen hex digits that stand for a set of `_id`s, in whatever order they come."""
    return _add_up(_hash_each(ids))


def drop_repeated(frame: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The frame with the last row of each `_id`, in the order of the rows that stay, and what `hash_ids` gives then."""
    hashed = _hash_each(frame["_id"])
    # Fewer hashes than rows are no proof of a repeated id, as many are one that there is none.
    if pl.Series(hashed).n_unique() < frame.height:
        frame = frame.unique("_id", keep="last", maintain_order=True)
        hashed = _hash_each(frame["_id"])
    return frame, _add_up(hashed)


def find_spans(ids: pl.Series) -> Spans:
    """Where in its origin each `_id` is from: ids of other forms count for nothing."""
    lowest, highest = ids.min(), ids.max()
    if isinstance(lowest, str) and isinstance(highest, str):
        # Most segments are of one file: what the first and the last in order begin with, all between begin with.
        origin = lowest[:_ORIGIN_DIGITS]
        low, high = lowest[_ORIGIN_DIGITS + 1 : _END], highest[_ORIGIN_DIGITS + 1 : _END]
        is_one = lowest.startswith(f"{origin}-") and highest.startswith(f"{origin}-")
        if is_one and low.isdigit() and high.isdigit() and _are_ended(ids):
            return {origin: (int(low), int(high))}
    return _find_parted_spans(ids)


def _are_ended(ids: pl.Series) -> bool:
    """Whether all have their offset in the usual number of digits."""
    text = pl.col("id").cast(pl.Binary)
    is_ended = (text.bin.slice(_END, 1) == b"-").fill_null(False).all()
    return bool(pl.DataFrame({"id": ids}).select(is_ended).item())


def _find_parted_spans(ids: pl.Series) -> Spans:
    text = pl.col("id").cast(pl.Binary)
    parts = (
        pl.LazyFrame({"id": ids})
        .select(
            text.bin.head(_ORIGIN_DIGITS).alias("origin"),
            text.bin.slice(_ORIGIN_DIGITS + 1, _OFFSET_DIGITS).alias("offset"),
            (text.bin.slice(_ORIGIN_DIGITS, 1) == b"-").alias("is_parted"),
            (text.bin.slice(_END, 1) == b"-").alias("is_ended"),
        )
        .group_by("origin")
        .agg(
            pl.col("offset").min().alias("low"),
            pl.col("offset").max().alias("high"),
            (pl.col("is_parted") & pl.col("is_ended")).all().alias("is_usual"),
        )
        .collect()
    )
    lows, highs, origins = parts["low"].to_list(), parts["high"].to_list(), parts["origin"].to_list()
    if not parts["is_usual"].all() or not all(bound.isdigit() for bound in (*lows, *highs)):
        return _find_any_spans(ids)
    return {
        origin.decode(): (int(low), int(high)) for origin, low, high in zip(origins, lows, highs, strict=True)
    }


def _find_any_spans(ids: pl.Series) -> Spans:
    spans = (
        pl.DataFrame({"id": ids})
        .select(
            pl.col("id").str.extract("^([^-]*)-").alias("origin"),
            pl.col("id").str.extract(r"^[^-]*-(\d+)").cast(pl.Int64, strict=False).alias("offset"),
        )
        .drop_nulls()
        .group_by("origin")
        .agg(pl.col("offset").min().alias("low"), pl.col("offset").max().alias("high"))
    )
    return {origin: (low, high) for origin, low, high in spans.iter_rows()}


def _hash_each(ids: pl.Series) -> npt.NDArray[np.uint64]:
    hashed = pl.DataFrame({"id": ids}).select(polars_hash.col("id").nchash.xxh3_64())
    return hashed.to_series().to_numpy()


def _add_up(hashed: npt.NDArray[np.uint64]) -> str:
    return f"{int(hashed.sum(dtype=np.uint64)):016x}"

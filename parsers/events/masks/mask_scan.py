"""Finds values to be masked in text columns and puts stand-ins in their places, row by row and column-wise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from parsers.events.masks.mask_forms import to_final, to_stand_in
from parsers.events.masks.mask_kinds import KINDS, Kind, build_custom
from parsers.model import Mask

# Between the pieces of a text that is put together again; what it holds of these is taken for nothing.
_CUT: Final = "\ue000\uf8ff\ue000"
PAIRS: Final = {"row": pl.UInt32, "in": pl.String, "out": pl.String, "quoted": pl.Boolean}


@dataclass(frozen=True, slots=True)
class Scan:
    """A mask ready to run; `number` tells its stand-ins from those of the other masks."""

    mask: Mask
    kind: Kind
    number: int
    key: bytes


def build_scan(mask: Mask, number: int, key: bytes) -> Scan:
    """Readies a mask; `key` is what hashes are made with."""
    kind = build_custom(mask.pattern or "") if mask.kind == "custom" else KINDS[mask.kind]
    return Scan(mask, kind, number, key)


def mask_columns(scans: Sequence[Scan], columns: Sequence[pl.Series]) -> tuple[list[pl.Series], pl.DataFrame]:
    """Puts stand-ins into String columns of one height.

    Returns:
        The columns in their order, those without a finding unchanged, and pairs: `row`, `in` (the stand-in) and `out`
        (what has to stand there in the end), each pair of a row once.
    """
    columns = list(columns)
    pairs: list[pl.DataFrame] = []
    for scan in scans:
        columns, found = _run(scan, columns)
        if found is not None:
            pairs.append(found)
    if not pairs:
        return columns, pl.DataFrame(schema=PAIRS)
    # A later mask may have found a part of an earlier one's stand-in: what came last is put in its place first.
    return columns, pl.concat(pairs[::-1]).unique(maintain_order=True)


def _run(scan: Scan, columns: list[pl.Series]) -> tuple[list[pl.Series], pl.DataFrame | None]:
    parts = []
    for at, column in enumerate(columns):
        rows = column.to_frame("t").select(scan.kind.hint(pl.col("t")).fill_null(False))["t"].arg_true()
        if not len(rows):
            continue
        texts = column.gather(rows).str.replace_all(_CUT, "", literal=True)
        found = pl.DataFrame({"row": rows.cast(pl.UInt32), "text": texts}).with_columns(
            pl.lit(at, dtype=pl.UInt32).alias("column"),
            pl.col("text").str.extract_all(scan.kind.pattern).alias("m"),
        )
        parts.append(found.filter(pl.col("m").list.len() > 0))
    parts = [part for part in parts if part.height]
    if not parts:
        return columns, None
    held = pl.concat(parts)
    words = held.select("row", "m").explode("m").unique(maintain_order=True)
    words = words.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).over("row").alias("n"))
    distinct = words.select("m", "n").unique(maintain_order=True)
    made = [_replace(scan, text, number) for text, number in distinct.iter_rows()]
    distinct = distinct.with_columns(
        pl.Series("new", [new for new, _ in made], dtype=pl.String),
        pl.Series("pairs", [pairs for _, pairs in made], dtype=_PAIRS_TYPE),
    ).filter(pl.col("pairs").list.len() > 0)
    if not distinct.height:
        return columns, None
    words = words.join(distinct, on=("m", "n"), how="inner", maintain_order="left")
    for at in held["column"].unique():
        here = held.filter(pl.col("column") == at)
        columns[at] = _rebuild(scan, columns[at], here, words)
    pairs = words.select("row", "pairs").explode("pairs").unnest("pairs").select(list(PAIRS))
    return columns, pairs


_PAIRS_TYPE: Final = pl.List(pl.Struct({"in": pl.String, "out": pl.String, "quoted": pl.Boolean}))


def _replace(scan: Scan, text: str, number: int) -> tuple[str, list[dict[str, object]]]:
    """A candidate with stand-ins, and the pairs for it; the candidate itself when nothing in it is to be masked."""
    new, done, pairs = "", 0, []
    for part, found in enumerate(scan.kind.find(text)):
        value = text[found.start : found.end]
        stand_in = to_stand_in(scan.kind.name, value, scan.number, number * 8 + part)
        new += text[done : found.start] + found.before + stand_in + found.after
        done = found.end
        final = to_final(scan.kind.name, scan.mask.how, found.value, scan.key)
        pairs.append({"in": stand_in, "out": final, "quoted": not stand_in.strip("0123456789")})
    return (new + text[done:], pairs) if pairs else (text, [])


def _rebuild(scan: Scan, column: pl.Series, texts: pl.DataFrame, words: pl.DataFrame) -> pl.Series:
    """The column with its candidates replaced: cut at the candidates, and put together with what stands for them."""
    pieces = (
        texts.select(
            "row",
            pl.col("text").str.replace_all(scan.kind.pattern, _CUT).str.split(_CUT).alias("piece"),
            pl.concat_list("m", pl.lit("")).alias("m"),
        )
        .explode("piece", "m")
        .join(words.select("row", "m", "new"), on=("row", "m"), how="left", maintain_order="left")
        .with_columns(pl.col("piece") + pl.coalesce("new", "m"))
        .group_by("row", maintain_order=True)
        .agg(pl.col("piece").str.join(""))
    )
    return column.scatter(pieces["row"], pieces["piece"])

"""Puts the final words in the places of stand-ins, in every field of the events."""

from typing import Any, Final

import msgspec
import polars as pl

from parsers.ecs import find_field_type
from parsers.members import is_members

# The engine's own, which hold nothing of a line.
_OURS: Final = frozenset(
    (
        "event.kind",
        "event.dataset",
        "rule.name",
        "ecs.version",
        "kafka.topic",
        "event.module",
        "event.provider",
    )
)


def restore(frame: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The frame with every stand-in replaced.

    Args:
        frame: events with `_row`.
        pairs: `row`, `in`, `out`, `quoted`; see `mask_columns`.

    An address field cannot hold a word: it moves to `….address` where that is free. A number that is a stand-in
    becomes null.
    """
    pairs = pairs.with_columns(pl.col("row").alias("_row")).filter(
        pl.col("_row").is_in(frame["_row"].implode())
    )
    if not pairs.height:
        return frame
    pairs = pairs.with_columns(pl.int_range(pl.len()).over("_row").alias("n"))
    for _, these in pairs.group_by("n", maintain_order=True):
        known = frame.select("_row").join(
            these.select("_row", "in", "out", "quoted"), on="_row", how="left", maintain_order="left"
        )
        # Addresses last: what they cannot hold goes to fields that are done by then.
        for name in sorted(frame.columns, key=lambda name: name.endswith(".ip")):
            if name.startswith("_") or name in _OURS:
                continue
            changed = _restore_column(frame[name], known)
            if changed is not None:
                frame = frame.with_columns(_place(changed, frame))
    return frame


def _restore_column(column: pl.Series, known: pl.DataFrame) -> pl.Series | None:
    """The column with these stand-ins replaced; None when it holds none."""
    kind = column.dtype
    if kind == pl.String:
        return _restore_texts(column, known)
    if kind == pl.List(pl.String):
        return _restore_lists(column, known)
    if kind.is_numeric():
        number = known["in"].cast(kind, strict=False)
        same = (column == number).fill_null(False)
        return column.set(same, None) if same.any() else None
    if kind.is_nested():
        texts = column.to_frame("v").to_struct().struct.json_encode()
        held = texts.to_frame("t").select(_holds(pl.col("t"), known["in"]))["t"]
        # Nothing of ours nests deeper; what a stage of the future may bring is rather lost than shown.
        return column.zip_with(~held, pl.Series(column.name, [None], dtype=kind)) if held.any() else None
    return None


def _holds(text: pl.Expr, stand_ins: pl.Series) -> pl.Expr:
    return text.str.contains(pl.lit(stand_ins), literal=True).fill_null(False)


def _restore_texts(column: pl.Series, known: pl.DataFrame) -> pl.Series | None:
    frame = known.with_columns(column.alias("t"))
    rows = frame.select(pl.col("t").str.contains(pl.col("in"), literal=True).fill_null(False))["t"].arg_true()
    if not len(rows):
        return None
    if is_members(column.name) and known["quoted"].any():
        found = [_restore_json(*row) for row in frame[rows].select("t", "in", "out").iter_rows()]
        return column.scatter(rows, pl.Series(found, dtype=pl.String))
    texts = frame[rows].select(pl.col("t").str.split(by=pl.col("in")).list.join(pl.col("out")))["t"]
    return column.scatter(rows, texts)


def _restore_json(text: str, stand_in: str, final: str) -> str:
    """A number among the values becomes the word, which has to be a text there."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {walk(key): walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, str):
            return value.replace(stand_in, final)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return (
            final
            if is_number and stand_in in format(value, "f" if isinstance(value, float) else "d")
            else value
        )

    try:
        return msgspec.json.encode(walk(msgspec.json.decode(text))).decode()
    except (msgspec.MsgspecError, RecursionError):
        return msgspec.json.encode(text.replace(stand_in, final)).decode()


def _restore_lists(column: pl.Series, known: pl.DataFrame) -> pl.Series | None:
    flat = column.to_frame("t").with_row_index("at").explode("t").drop_nulls("t")
    at = flat["at"]
    changed = _restore_texts(flat["t"], known[at])
    if changed is None:
        return None
    lists = flat.with_columns(changed.alias("t")).group_by("at", maintain_order=True).agg("t")
    return put_lists(column, lists["at"], lists["t"])


def put_lists(column: pl.Series, rows: pl.Series, lists: pl.Series) -> pl.Series:
    """The column with other lists in some rows, as `scatter` does it for plain values."""
    place = pl.repeat(None, len(column), dtype=pl.UInt32, eager=True)
    place = place.scatter(rows, pl.int_range(len(rows), dtype=pl.UInt32, eager=True))
    return column.zip_with(place.is_null(), lists.gather(place))


def _place(column: pl.Series, frame: pl.DataFrame) -> list[pl.Series]:
    """The column; for one of addresses without the words, which go to the field beside it."""
    name = column.name
    if find_field_type(name) != "ip" and not name.endswith(".ip"):
        return [column]
    if column.dtype != pl.String:
        kept = column.list.eval(pl.element().filter(~pl.element().str.contains("[", literal=True)))
        return [kept.alias(name)]
    words = column.str.contains("[", literal=True).fill_null(False)
    placed = [column.set(words, None)]
    if name.endswith(".ip"):
        beside = name.removesuffix("ip") + "address"
        moved = column.set(~words, None)
        if beside in frame.columns and frame.schema[beside] == pl.String:
            known = frame[beside]
            moved = known.zip_with(known.is_not_null(), moved)
        if beside not in frame.columns or frame.schema[beside] == pl.String:
            placed.append(moved.alias(beside))
    return placed

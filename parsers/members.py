"""Columns named `<object>.*`: what else an object holds, as JSON text. Spliced into documents as it is.

The keys of a structured body that no rule names come this way: a value then looks the same whatever the other rows
of a batch hold, and a thousand keys are one column.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

SUFFIX = ".*"


def name_members(prefix: str) -> str:
    """The column of the members below an object; `prefix` is the object's dotted name."""
    return prefix + SUFFIX


def is_members(column: str) -> bool:
    """Whether a column holds the members of an object as JSON text."""
    return column.endswith(SUFFIX)


def mark_members(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """The frame with a mark, named as a field, in place of each column of members; and which column each stands for.

    A mark is null where its column is. No field name holds a star, so a mark's key is its own.
    """
    columns = [name for name in frame.columns if is_members(name)]
    marks = {f"{name}{number}": name for number, name in enumerate(columns)}
    if not marks:
        return frame, marks
    marked = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(0, pl.UInt8)).alias(mark)
        for mark, name in marks.items()
    ]
    return frame.with_columns(marked), marks


def fill_members(
    documents: pl.Series, frame: pl.DataFrame, marks: dict[str, str], names: Sequence[str]
) -> pl.Series:
    """Puts members where their marks stand.

    Args:
        documents: JSON texts, n rows.
        frame: holds the columns of members, n rows.
        marks: see `mark_members`.
        names: the documents' fields and marks in their order. A field wins over a member of its name.
    """
    # From the last to the first: no members then stand before a mark, that might hold its key.
    for mark in reversed([name for name in names if name in marks]):
        column = marks[mark]
        key = mark.rpartition(".")[2]
        texts = frame[column]
        inner = texts.str.slice(1, texts.str.len_chars() - 2)
        pair = pl.DataFrame({"document": documents, "inner": inner})
        documents = pair.select(
            pl.col("document").str.replace(f'"{key}":0', pl.col("inner"), literal=True)
        ).to_series()
        doubled = _find_doubled(texts, column.removesuffix("*"), names)
        if doubled is not None and doubled.any():
            rows = doubled.arg_true()
            merged = [_merge(text) for text in documents.gather(rows).to_list()]
            documents = documents.scatter(rows, pl.Series(merged, dtype=pl.String))
    return documents


def _find_doubled(texts: pl.Series, prefix: str, names: Sequence[str]) -> pl.Series | None:
    """Rows whose members may have keys that fields of the same object have too."""
    beside = {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}
    beside = {key for key in beside if not key.startswith("*")}
    if not beside:
        return None
    return texts.str.contains_any([f'"{key}":' for key in sorted(beside)]).fill_null(False)


def _merge(document: str) -> str:
    """A document in which some object has a key twice, with both values in one."""
    merged = json.loads(
        document, object_pairs_hook=_merge_pairs, parse_float=_keep_number, parse_int=_keep_number
    )
    return msgspec.json.encode(merged).decode()


def _keep_number(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _merge_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, value in pairs:
        merged[key] = _join(merged[key], value) if key in merged else value
    return merged


def _join(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        return _merge_pairs([*first.items(), *second.items()])
    if isinstance(first, dict) or isinstance(second, dict):
        inner, value = (first, second) if isinstance(first, dict) else (second, first)
        return inner if value is None else {"value": value, **inner}
    return first

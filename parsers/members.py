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
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def name_members(prefix: str) -> str:
    """The column of the members below an object; `prefix` is the object's dotted name."""
    return prefix + SUFFIX


def is_members(column: str) -> bool:
    """Whether a column holds the members of an object as JSON text."""
    return column.endswith(SUFFIX)


def mark_members(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """The frame with a mark, named as a field, in place of each column of members; and which column each stands for.

    A mark is null where its column is; a column of nulls has none. No field name holds a star, so a mark's key is its
    own.
    """
    marks: dict[str, str] = {}
    marked: list[pl.Series] = []
    for name in filter(is_members, frame.columns):
        column = frame[name]
        nulls = column.null_count()
        if nulls == len(column):
            continue
        mark = f"{name}{len(marks)}"
        marks[mark] = name
        places = pl.Series(mark, [0], dtype=pl.UInt8).new_from_index(0, len(column))
        marked.append(places.set(column.is_null(), None) if nulls else places)
    return frame.hstack(marked) if marks else frame, marks


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
    is_bare = True
    # From the last to the first: no members then stand before a mark, that might hold its key.
    for mark in reversed([name for name in names if name in marks]):
        texts = frame[marks[mark]]
        if texts.null_count() == len(texts):
            continue
        path, _, key = mark.rpartition(".")
        inner = pl.col("text").str.strip_prefix("{").str.strip_suffix("}")
        parts = [pl.col("document").str.replace(f'"{key}":0', inner, literal=True)]
        keys = _find_beside(f"{path}.", names)
        if keys:
            parts.append(pl.col("text").str.contains_any([f'"{name}":' for name in keys]).alias("doubled"))
        # One plan for both: what a plan costs is paid for every rule in every batch.
        filled = pl.DataFrame({"document": documents, "text": texts}).select(parts)
        bare, documents = documents, filled["document"]
        if keys and filled["doubled"].any():
            rows = filled["doubled"].arg_true()
            if is_bare:
                pairs = zip(bare.gather(rows).to_list(), texts.gather(rows).to_list(), strict=True)
                merged = [_join_members(document, text, path, key) for document, text in pairs]
            else:
                # Other members are there already, in which an object may have a key twice as well.
                merged = [_merge(document) for document in documents.gather(rows).to_list()]
            documents = documents.scatter(rows, pl.Series(merged, dtype=pl.String))
        is_bare = False
    return documents


def _find_beside(prefix: str, names: Sequence[str]) -> list[str]:
    """The keys of the fields of the object `prefix`, which its members may have, too."""
    beside = {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}
    return sorted(key for key in beside if not key.startswith("*"))


def _join_members(document: str, text: str, path: str, key: str) -> str:
    """As `_merge` of the document with the members `text` in the place of `key`: only what both have is read."""
    opened: list[dict[str, Any]] = [_MEMBERS.decode(document)]
    parts = path.split(".")
    for part in parts:
        opened.append(_MEMBERS.decode(opened[-1][part]))
    added = _DECODER.decode(text)
    pairs: list[tuple[str, Any]] = []
    for name, value in opened.pop().items():
        if name == key:
            pairs += added.items()
        else:
            pairs.append((name, _DECODER.decode(bytes(value).decode()) if name in added else value))
    value = _merge_pairs(pairs)
    while parts:
        opened[-1][parts.pop()] = value
        value = opened.pop()
    return msgspec.json.encode(value).decode()


def _merge(document: str) -> str:
    """A document in which some object has a key twice, with both values in one."""
    return msgspec.json.encode(_DECODER.decode(document)).decode()


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


# To make one costs as much as to read a short text.
_DECODER = json.JSONDecoder(object_pairs_hook=_merge_pairs, parse_float=_keep_number, parse_int=_keep_number)

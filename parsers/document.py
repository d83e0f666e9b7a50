"""Writes flat columns with dotted ECS names as one nested JSON document a row, column by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import polars as pl

from parsers.members import fill_members, is_members, mark_members

Tree: TypeAlias = dict[str, "Tree | str"]

# Encoding a group costs some 0.3 ms, taking nulls out of a text 1.2 us: below this many rows a group does not
# pay.
GROUP_ROWS = 250
MISSING_FIELDS_LIMIT = 60
_FIRST = ("@timestamp", "event", "message")
_ISO = "%Y-%m-%dT%H:%M:%S%.3fZ"


def to_documents(frame: pl.DataFrame) -> pl.Series:
    """One JSON text a row.

    Args:
        frame: flat columns with dotted names; columns that start with `_` are left out, those named `….*` hold
        JSON text (see `parsers.members`). `@timestamp` must be
        there
            and hold no null.

    Returns:
        String series named `document`. Every text starts with
        `{"@timestamp":"2026-07-01T10:00:00.123Z","event":{`; fields that are null are left out, also objects
        without fields. Times are ISO 8601 in UTC with milliseconds.
    """
    if frame.is_empty():
        return pl.Series("document", [], dtype=pl.String)
    groups = _group_by_missing(frame)
    if len(groups) == 1:
        return _encode(frame)
    parts = [_encode(frame[rows]) for rows in groups]
    return pl.concat(parts).gather(pl.concat(groups).arg_sort())


def _group_by_missing(frame: pl.DataFrame) -> list[pl.Series]:
    """Rows that lack the same fields, if they are few groups: a group without nulls needs none taken out."""
    everything = pl.int_range(frame.height, eager=True)
    if frame.height < 2 * GROUP_ROWS:
        return [everything]
    sparse = [
        column.name
        for column in frame.get_columns()
        if not column.name.startswith("_") and 0 < column.null_count() < frame.height
    ]
    if not sparse or len(sparse) > MISSING_FIELDS_LIMIT:
        return [everything]
    mask = pl.sum_horizontal(
        pl.col(name).is_null().cast(pl.UInt64) * (1 << at) for at, name in enumerate(sparse)
    )
    masks = frame.select(mask.alias("mask")).to_series()
    groups = masks.to_frame().with_row_index("row").group_by("mask").agg("row")["row"]
    if len(groups) * GROUP_ROWS > frame.height:
        return [everything]
    return list(groups)


def _encode(frame: pl.DataFrame) -> pl.Series:
    frame, marks = mark_members(frame)
    names, sparse, times, categories = [], [], [], []
    for column in frame.get_columns():
        name, nulls = column.name, column.null_count()
        if name.startswith("_") or is_members(name) or nulls == frame.height:
            continue
        names.append(name)
        if nulls:
            sparse.append(name)
        kind = column.dtype
        if isinstance(kind, pl.Datetime):
            times.append(name)
        elif isinstance(kind, (pl.Categorical, pl.Enum)):
            categories.append(name)
    form = _plan_form(tuple(names), frozenset(sparse), frozenset(times), frozenset(categories))
    documents = frame.select(form.encode).to_series()
    if sparse:
        documents = _drop_nulls(documents, form.null_pieces)
    return fill_members(documents, frame, marks, form.leaves).alias("document") if marks else documents


@dataclass(frozen=True, slots=True)
class _Form:
    """How frames of certain columns are written: the expression, what nulls leave behind, and the fields in order."""

    encode: pl.Expr
    null_pieces: tuple[str, ...]
    leaves: tuple[str, ...]


@lru_cache(maxsize=4096)
def _plan_form(
    names: tuple[str, ...], sparse: frozenset[str], times: frozenset[str], categories: frozenset[str]
) -> _Form:
    """Rules bring the same columns batch after batch; building an expression costs more than a small batch does."""
    tree = build_tree(names)
    struct = pl.struct(_to_fields(tree, times, categories, sparse))
    keys = sorted(_find_nullable_keys(tree, sparse))
    return _Form(
        struct.struct.json_encode().alias("document"),
        tuple(piece for key in keys for piece in (f'"{key}":null,', f',"{key}":null')),
        tuple(_find_leaves(tree)),
    )


def build_tree(names: Sequence[str]) -> Tree:
    """Nests dotted names; a leaf is the column's name.

    Where one name is both a value and an object (`a` and `a.b`), the value becomes `a.value`.
    """
    objects = {name[:at] for name in names for at in range(len(name)) if name[at] == "."}
    tree: Tree = {}
    for name in sorted(names, key=_order):
        path = (f"{name}.value" if name in objects else name).split(".")
        node = tree
        for part in path[:-1]:
            child = node.setdefault(part, {})
            assert isinstance(child, dict)
            node = child
        node[path[-1]] = name
    return tree


def _order(name: str) -> int:
    top = name.split(".", 1)[0]
    return _FIRST.index(top) if top in _FIRST else len(_FIRST)


def _to_fields(
    tree: Tree, times: frozenset[str], categories: frozenset[str], sparse: frozenset[str]
) -> list[pl.Expr]:
    fields = []
    for key, node in tree.items():
        if isinstance(node, str):
            value = pl.col(node)
            if node in times:
                value = value.dt.strftime(_ISO)
            elif node in categories:
                value = value.cast(pl.String)
            fields.append(value.alias(key))
            continue
        struct = pl.struct(_to_fields(node, times, categories, sparse))
        leaves = _find_leaves(node)
        if sparse.issuperset(leaves):
            struct = pl.when(pl.any_horizontal(pl.col(leaf).is_not_null() for leaf in leaves)).then(struct)
        fields.append(struct.alias(key))
    return fields


def _find_leaves(tree: Tree) -> list[str]:
    return [
        leaf for node in tree.values() for leaf in ([node] if isinstance(node, str) else _find_leaves(node))
    ]


def _drop_nulls(documents: pl.Series, pieces: tuple[str, ...]) -> pl.Series:
    """Removes `"key":null`. Inside a JSON text every quote is escaped, so the pieces occur nowhere else."""
    if not pieces:
        return documents
    if len(documents) <= GROUP_ROWS:
        return _replace(documents, pieces)
    rows = documents.str.contains(":null", literal=True).arg_true()
    if len(rows) == len(documents):
        return _replace(documents, pieces)
    return documents.scatter(rows, _replace(documents[rows], pieces)) if len(rows) else documents


def _replace(documents: pl.Series, pieces: tuple[str, ...]) -> pl.Series:
    return documents.str.replace_many(list(pieces), [""] * len(pieces), leftmost=True)


def _find_nullable_keys(tree: Tree, sparse: frozenset[str]) -> set[str]:
    keys: set[str] = set()
    for key, node in tree.items():
        leaves = [node] if isinstance(node, str) else _find_leaves(node)
        if sparse.issuperset(leaves):
            keys.add(key)
        if isinstance(node, dict):
            keys |= _find_nullable_keys(node, sparse)
    return keys

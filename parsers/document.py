"""Writes flat columns with dotted ECS names as one nested JSON document a row, column by column."""

from collections.abc import Sequence
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
    sparse = [
        name
        for name in frame.columns
        if not name.startswith("_") and 0 < frame[name].null_count() < frame.height
    ]
    if not sparse or len(sparse) > MISSING_FIELDS_LIMIT or frame.height < 2 * GROUP_ROWS:
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
    names = [name for name in frame.columns if not name.startswith("_") and not is_members(name)]
    sparse = {name for name in names if frame[name].null_count()}
    names = [name for name in names if name not in sparse or frame[name].null_count() < frame.height]
    tree = build_tree(names)
    struct = pl.struct(_to_fields(tree, frame.schema, sparse))
    documents = frame.select(struct.struct.json_encode().alias("document")).to_series()
    if sparse:
        documents = _drop_nulls(documents, tree, sparse)
    return fill_members(documents, frame, marks, _find_leaves(tree)).alias("document")


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


def _to_value(name: str, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Datetime):
        return pl.col(name).dt.strftime(_ISO)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        return pl.col(name).cast(pl.String)
    return pl.col(name)


def _to_fields(tree: Tree, schema: pl.Schema, sparse: set[str]) -> list[pl.Expr]:
    fields = []
    for key, node in tree.items():
        if isinstance(node, str):
            fields.append(_to_value(node, schema[node]).alias(key))
            continue
        struct = pl.struct(_to_fields(node, schema, sparse))
        leaves = _find_leaves(node)
        if sparse.issuperset(leaves):
            struct = pl.when(pl.any_horizontal(pl.col(leaf).is_not_null() for leaf in leaves)).then(struct)
        fields.append(struct.alias(key))
    return fields


def _find_leaves(tree: Tree) -> list[str]:
    return [
        leaf for node in tree.values() for leaf in ([node] if isinstance(node, str) else _find_leaves(node))
    ]


def _drop_nulls(documents: pl.Series, tree: Tree, sparse: set[str]) -> pl.Series:
    """Removes `"key":null`. Inside a JSON text every quote is escaped, so the pieces occur nowhere else."""
    rows = documents.str.contains(":null", literal=True)
    keys = sorted(_find_nullable_keys(tree, sparse))
    pieces = [piece for key in keys for piece in (f'"{key}":null,', f',"{key}":null')]
    where = rows.arg_true()
    if where.is_empty() or not pieces:
        return documents
    cleaned = documents.gather(where).str.replace_many(pieces, [""] * len(pieces), leftmost=True)
    return cleaned if len(where) == len(documents) else documents.scatter(where, cleaned)


def _find_nullable_keys(tree: Tree, sparse: set[str]) -> set[str]:
    keys: set[str] = set()
    for key, node in tree.items():
        leaves = [node] if isinstance(node, str) else _find_leaves(node)
        if sparse.issuperset(leaves):
            keys.add(key)
        if isinstance(node, dict):
            keys |= _find_nullable_keys(node, sparse)
    return keys

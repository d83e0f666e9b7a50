"""Documents by the library's JSON writer, which goes through every field of every row."""

from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from parsers.document_tree import TIME_FORMAT, Tree, build_tree, find_leaves, list_fields
from parsers.members import fill_members, mark_members

# Taking nulls out of a text costs 1.2 us: with more rows it pays to ask first which ones have any.
_FEW_ROWS = 250


def encode_documents(frame: pl.DataFrame) -> pl.Series:
    """One JSON text a row: see `parsers.document.to_documents`. Takes columns of every type, and at least one row."""
    frame, marks = mark_members(frame)
    names, sparse, times, categories = [], [], [], []
    for column in list_fields(frame):
        name, kind = column.name, column.dtype
        names.append(name)
        if column.null_count():
            sparse.append(name)
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
        tuple(find_leaves(tree)),
    )


def _to_fields(
    tree: Tree, times: frozenset[str], categories: frozenset[str], sparse: frozenset[str]
) -> list[pl.Expr]:
    fields = []
    for key, node in tree.items():
        if isinstance(node, str):
            value = pl.col(node)
            if node in times:
                value = value.dt.strftime(TIME_FORMAT)
            elif node in categories:
                value = value.cast(pl.String)
            fields.append(value.alias(key))
            continue
        struct = pl.struct(_to_fields(node, times, categories, sparse))
        leaves = find_leaves(node)
        if sparse.issuperset(leaves):
            struct = pl.when(pl.any_horizontal(pl.col(leaf).is_not_null() for leaf in leaves)).then(struct)
        fields.append(struct.alias(key))
    return fields


def _drop_nulls(documents: pl.Series, pieces: tuple[str, ...]) -> pl.Series:
    """Removes `"key":null`. Inside a JSON text every quote is escaped, so the pieces occur nowhere else."""
    if not pieces:
        return documents
    if len(documents) <= _FEW_ROWS:
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
        leaves = [node] if isinstance(node, str) else find_leaves(node)
        if sparse.issuperset(leaves):
            keys.add(key)
        if isinstance(node, dict):
            keys |= _find_nullable_keys(node, sparse)
    return keys

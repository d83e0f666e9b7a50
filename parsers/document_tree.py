"""The shape of a document: flat columns with dotted names, nested into objects."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import polars as pl

from parsers.members import is_members

Tree: TypeAlias = dict[str, "Tree | str"]

# ISO 8601 in UTC with milliseconds.
TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%.3fZ"
_FIRST = ("@timestamp", "event", "message")


def list_fields(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns that become fields: not scratch, not the members of an object, and some row has a value."""
    height = frame.height
    return [
        column
        for name, column in zip(frame.columns, frame.get_columns(), strict=True)
        if not name.startswith("_") and not is_members(name) and column.null_count() < height
    ]


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


def find_leaves(tree: Tree) -> list[str]:
    """The columns of a tree, in the document's order."""
    return [
        leaf for node in tree.values() for leaf in ([node] if isinstance(node, str) else find_leaves(node))
    ]

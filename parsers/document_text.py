"""Documents put together from columns of text: what is the same in every row is written once, nothing twice.

The library's JSON writer (`parsers.document_json`) goes through every field of every row. Here a column becomes a
piece of text as a whole, and one format joins the pieces. The documents are the same; from some hundred rows on it
takes half of the time, and a third where fields are missing in many combinations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.document_tree import TIME_FORMAT, Tree, build_tree, find_leaves, list_fields
from parsers.events.columns import drop_columns, put_columns
from parsers.members import fill_members, mark_members

Piece: TypeAlias = str | pl.Expr
Kind: TypeAlias = Literal["text", "time", "list", "plain"]
_MESSAGE: Final = "message"
_ORIGINAL: Final = "event.original"

_QUOTE = {'"': '\\"'}
_BACKSLASH = {"\\": "\\\\"}
_QUOTES = {**_QUOTE, **_BACKSLASH}
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_CONTROLS = {chr(code): _SHORT.get(chr(code), f"\\u{code:04x}") for code in range(0x20)}
_ALL = {**_QUOTES, **_CONTROLS}


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is known of a frame's columns before the first piece is written.

    `sparse` have nulls; `constants` the JSON text of columns that are the same in every row.
    """

    kinds: Mapping[str, Kind]
    sparse: frozenset[str]
    constants: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Form:
    """How frames of certain columns are written: the expression, and the fields in the document's order."""

    write: pl.Expr
    leaves: tuple[str, ...]


def write_documents(frame: pl.DataFrame) -> pl.Series | None:
    """One JSON text a row: see `parsers.document.to_documents`.

    Args:
        frame: at least one row.

    Returns:
        String series named `document`; None if a column is of a type that is not written here.
    """
    frame, marks = mark_members(frame)
    kept = list_fields(frame)
    kinds = {column.name: kind for column in kept if (kind := _find_kind(column)) is not None}
    if len(kinds) < len(kept):
        return None
    columns = _study(kept, kinds)
    form = _plan_form(tuple(columns.kinds.items()), columns.sparse, tuple(columns.constants.items()))
    texts = [name for name, kind in columns.kinds.items() if kind == "text" and name not in columns.constants]
    documents = put_columns(frame, _escape_texts(frame[texts])).select(form.write).to_series()
    return fill_members(documents, frame, marks, form.leaves).alias("document")


@lru_cache(maxsize=2048)
def _plan_form(
    kinds: tuple[tuple[str, Kind], ...], sparse: frozenset[str], constants: tuple[tuple[str, str], ...]
) -> _Form:
    """Rules bring the same columns batch after batch; the expression of a document has some hundred parts."""
    columns = _Columns(dict(kinds), sparse, dict(constants))
    tree = build_tree([name for name, _ in kinds])
    pieces, _ = _write_object(tree, columns)
    return _Form(_join(pieces).alias("document"), tuple(find_leaves(tree)))


def _find_kind(column: pl.Series) -> Kind | None:
    """How the column's values are written; None for those that are not written here."""
    kind = column.dtype
    if isinstance(kind, (pl.String, pl.Categorical, pl.Enum)):
        return "text"
    if isinstance(kind, pl.Datetime):
        return "time"
    if isinstance(kind, pl.List):
        return "list" if isinstance(kind.inner, pl.String) else None
    if kind.is_float():
        # JSON has no word for the others, and a null is left out only where others are.
        return "plain" if column.is_finite().all() else None
    return "plain" if kind.is_integer() or isinstance(kind, pl.Boolean) else None


def _study(kept: Sequence[pl.Series], kinds: Mapping[str, Kind]) -> _Columns:
    sparse = frozenset(column.name for column in kept if column.null_count())
    alike = [
        column
        for column in kept
        if column.name not in sparse and kinds[column.name] != "time" and not column.dtype.is_float()
    ]
    return _Columns(kinds, sparse, _find_constants(alike))


def _find_constants(columns: Sequence[pl.Series]) -> dict[str, str]:
    """JSON texts of the columns whose rows are all alike; none has nulls."""
    if not columns:
        return {}
    last = len(columns[0]) - 1
    frame = pl.DataFrame(columns)
    first, *others = map(frame.row, (0, last // 3, last // 2, last))
    return {
        column.name: msgspec.json.encode(value).decode()
        for at, (column, value) in enumerate(zip(columns, first, strict=True))
        if all(row[at] == value for row in others) and _holds_only(column, value)
    }


def _holds_only(column: pl.Series, value: object) -> bool:
    # Numbers of values would be counted by a plan for each kind of column; lists can be compared in no other way.
    return column.n_unique() == 1 if isinstance(value, list) else bool((column == value).all())


def _escape_texts(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns of texts that JSON does not take as they are, escaped."""
    # A line that no pattern cut a message out of is its own message: nothing of it is looked at twice.
    is_whole = {_MESSAGE, _ORIGINAL} <= set(frame.columns) and frame[_MESSAGE].equals(frame[_ORIGINAL])
    escapes = _find_escapes(drop_columns(frame, (_MESSAGE,)) if is_whole else frame)
    if not escapes:
        return []
    escaped = frame.select([_escape(name, found) for name, found in escapes.items()]).get_columns()
    if is_whole and _ORIGINAL in escapes:
        escaped.append(escaped[list(escapes).index(_ORIGINAL)].alias(_MESSAGE))
    return escaped


def _escape(name: str, escapes: Mapping[str, str]) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    if len(escapes) == 1:
        # Half of what a search for several at once costs.
        ((character, written),) = escapes.items()
        return text.str.replace_all(character, written, literal=True)
    return text.str.replace_many(list(escapes), list(escapes.values()))


def _find_escapes(frame: pl.DataFrame) -> dict[str, Mapping[str, str]]:
    """What JSON makes the columns escape. All texts are looked at as one row of bytes: most need nothing."""
    if frame.width == 0:
        return {}
    texts = [column.cast(pl.String) for column in frame.get_columns()]
    ends = np.cumsum(pl.DataFrame(texts).select_seq(pl.all().str.len_bytes().sum()).row(0))
    if not ends[-1]:
        return {}
    joined = pl.concat(texts).str.join("")
    # By way of a list they stay where they are; Python's own bytes would cost twice as much in page faults alone.
    data = joined.cast(pl.Binary).cast(pl.List(pl.UInt8)).explode().to_numpy()
    quotes, backslashes = _count_inside(data == ord('"'), ends), _count_inside(data == ord("\\"), ends)
    controls = _count_inside(data < 0x20, ends) if data.min() < 0x20 else np.zeros_like(quotes)
    found: dict[str, Mapping[str, str]] = {}
    for name, quote, backslash, control in zip(frame.columns, quotes, backslashes, controls, strict=True):
        if control:
            found[name] = _ALL
        elif backslash:
            found[name] = _QUOTES if quote else _BACKSLASH
        elif quote:
            found[name] = _QUOTE
    return found


def _count_inside(marked: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many are marked before each of `ends`, and not before the end in front of it."""
    return np.diff(np.searchsorted(np.flatnonzero(marked), ends), prepend=0)


def _write_object(tree: Tree, columns: _Columns) -> tuple[list[Piece], bool]:
    """The pieces of an object, and whether every row has it; where a row lacks it a piece is null."""
    members: list[tuple[list[Piece], bool]] = []
    for key, node in tree.items():
        if isinstance(node, str):
            pieces, required = _write_value(node, columns), node not in columns.sparse
        else:
            pieces, required = _write_object(node, columns)
        members.append(([msgspec.json.encode(key).decode() + ":", *pieces], required))
    if len(members) == 1:
        pieces, required = members[0]
        return ["{", *pieces, "}"], required
    if not any(required for _, required in members):
        inner = _join([_join([",", *pieces]).fill_null("") for pieces, _ in members]).str.slice(1)
        present = pl.any_horizontal(pl.col(leaf).is_not_null() for leaf in find_leaves(tree))
        return [pl.when(present).then(_join(["{", inner, "}"]))], False
    written: list[Piece] = []
    follows = False
    for pieces, required in members:
        # A member that may be missing brings the comma towards the members that are there in any case.
        if required:
            written += [",", *pieces] if follows else pieces
            follows = True
        else:
            written.append(_join([",", *pieces] if follows else [*pieces, ","]).fill_null(""))
    return ["{", *written, "}"], True


def _write_value(name: str, columns: _Columns) -> list[Piece]:
    """The pieces of a column's values; one of them is null where the value is."""
    if name in columns.constants:
        return [columns.constants[name]]
    kind, column = columns.kinds[name], pl.col(name)
    if kind == "time":
        return ['"', column.dt.strftime(TIME_FORMAT), '"']
    if kind == "text":
        return ['"', column.cast(pl.String), '"']
    if kind == "list":
        alone = pl.struct(column.alias("v")).struct.json_encode()
        text = alone.str.strip_prefix('{"v":').str.strip_suffix("}")
        return [pl.when(column.is_not_null()).then(text) if name in columns.sparse else text]
    return [column.cast(pl.String)]


def _join(pieces: list[Piece]) -> pl.Expr:
    """The pieces in one text; null where any of them is."""
    text = "".join(
        piece.replace("{", "{{").replace("}", "}}") if isinstance(piece, str) else "{}" for piece in pieces
    )
    return pl.format(text, *(piece for piece in pieces if not isinstance(piece, str)))

"""A query's tree to a Polars expression for frames of one schema. A field that the schema lacks matches nothing."""

import re
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from pipeline.search_query import All, Any, Compare, Comparison, Field, Not, Query, Word
from pipeline.sinks.grams import Grams

TEXT_FIELDS = ("message", "event.original")
_OPERATORS = {">=": "ge", "<=": "le", ">": "gt", "<": "lt"}


def build_filter(query: Query, schema: pl.Schema, texts: Sequence[str] = TEXT_FIELDS) -> pl.Expr:
    """A Boolean expression without nulls: which rows the query holds for.

    Text compares without regard to case: `message` and `event.original` contain the value, other fields equal it. A
    list matches if one of its elements does. Bounds compare numbers as numbers, times as ISO 8601 (UTC if no zone is
    named), other text by its characters. `texts` are the fields that bare words are looked for in.
    """
    match query:
        case All(parts):
            return pl.all_horizontal([pl.lit(True), *(build_filter(part, schema, texts) for part in parts)])
        case Any(parts):
            return pl.any_horizontal([build_filter(part, schema, texts) for part in parts])
        case Not(inner):
            return ~build_filter(inner, schema, texts)
        case Word(text, is_glob):
            found = [_contains(pl.col(name), text, is_glob) for name in texts if name in schema]
            return pl.any_horizontal([pl.lit(False), *found]).fill_null(False)
        case Field(name, value, is_glob):
            column = _find_column(name, schema)
            return (
                pl.lit(False) if column is None else _equals(*column, value, is_glob, name).fill_null(False)
            )
        case Compare(name, operator, value):
            column = _find_column(name, schema)
            return pl.lit(False) if column is None else _compare(*column, operator, value).fill_null(False)


def is_possible(query: Query, schema: pl.Schema, dataset: str, grams: Grams | None = None) -> bool:
    """Whether a row of a segment with these columns and of this dataset may be found; False is certain.

    `grams` are those of the segment's texts; None: they are not known.
    """
    match query:
        case All(parts):
            return all(is_possible(part, schema, dataset, grams) for part in parts)
        case Any(parts):
            return any(is_possible(part, schema, dataset, grams) for part in parts)
        case Not():
            return True
        case Word(text, is_glob):
            return any(name in schema for name in TEXT_FIELDS) and _may_hold(grams, text, is_glob)
        case Field(name, value, is_glob) if name in TEXT_FIELDS:
            # Under that name there may also be a member of a structured body, of which the pieces tell nothing.
            return _find_column(name, schema) is not None and (
                name not in schema or _may_hold(grams, value, is_glob)
            )
        case Field("event.dataset", value, False):
            return value.lower() == dataset.lower()
        case Field(name) | Compare(name):
            return _find_column(name, schema) is not None


def split_texts(query: Query) -> tuple[tuple[Query, ...], tuple[Query, ...]]:
    """The parts that must all hold: those that ask for small columns only, and those that look into texts."""
    parts = query.parts if isinstance(query, All) else (query,)
    dear = tuple(part for part in parts if asks_texts(part))
    return tuple(part for part in parts if part not in dear), dear


def asks_texts(query: Query) -> bool:
    """Whether some part of the query looks into texts."""
    match query:
        case All(parts) | Any(parts):
            return any(asks_texts(part) for part in parts)
        case Not(inner):
            return asks_texts(inner)
        case Word():
            return True
        case Field(name) | Compare(name):
            return name in TEXT_FIELDS


def _may_hold(grams: Grams | None, text: str, is_glob: bool) -> bool:
    if grams is None:
        return True
    literals = [piece for piece in _split_glob(text) if piece not in ("*", "?")] if is_glob else [text]
    return all(grams.may_hold(_unescape(piece) if is_glob else piece) for piece in literals)


def _find_column(name: str, schema: pl.Schema) -> tuple[pl.Expr, pl.DataType] | None:
    if name in schema:
        return pl.col(name), schema[name]
    # Keys of structured bodies that no rule named are kept as JSON text in one column for each object.
    if not any(column.endswith("*") for column in schema):
        return None
    from parsers.members import name_members  # the parsers take a third of a second to import

    for at in range(len(name) - 1, 0, -1):
        body = name_members(name[:at])
        if name[at] == "." and body in schema:
            path = "".join(f"['{part}']" for part in name[at + 1 :].replace("'", r"\'").split("."))
            return pl.col(body).str.json_path_match(f"${path}"), pl.String()
    return None


def _equals(column: pl.Expr, kind: pl.DataType, value: str, is_glob: bool, name: str) -> pl.Expr:
    if is_glob and set(value) == {"*"}:
        return column.is_not_null() & (column.list.len() > 0 if isinstance(kind, pl.List) else pl.lit(True))
    if isinstance(kind, pl.List):
        inner = pl.Schema({"": kind.inner})[""]
        return column.list.eval(_equals(pl.element(), inner, value, is_glob, name)).list.any()
    if is_glob:
        return _to_text(column, kind).str.contains(_to_regex(value, whole=name not in TEXT_FIELDS))
    if kind == pl.String:
        if name in TEXT_FIELDS:
            return _contains(column, value, is_glob=False)
        return _equals_text(column, value)
    if kind == pl.Boolean:
        return column == (value.lower() == "true") if value.lower() in ("true", "false") else pl.lit(False)
    if kind.is_numeric():
        number = _to_number(value)
        return pl.lit(False) if number is None else column == number
    if isinstance(kind, pl.Datetime):
        moment = parse_moment(value)
        return pl.lit(False) if moment is None else column == moment
    return _equals_text(_to_text(column, kind), value)


def _equals_text(column: pl.Expr, value: str) -> pl.Expr:
    if not value.isascii():
        return column.str.to_lowercase() == value.lower()
    # The same at a sixth of the cost. Of all that is not ASCII only the sign for Kelvin has an ASCII lower case.
    letters = {"k": "[Kk\\x{212A}]"}
    parts = [
        letters.get(letter) or (f"[{letter.upper()}{letter}]" if letter.isalpha() else re.escape(letter))
        for letter in value.lower()
    ]
    return column.str.contains(f"^{''.join(parts)}$")


def _compare(column: pl.Expr, kind: pl.DataType, operator: Comparison, value: str) -> pl.Expr:
    if isinstance(kind, pl.List):
        inner = pl.Schema({"": kind.inner})[""]
        return column.list.eval(_compare(pl.element(), inner, operator, value)).list.any()
    bound: float | datetime | str | None = value
    if isinstance(kind, pl.Datetime):
        bound = parse_moment(value)
    elif (number := _to_number(value)) is not None:
        bound = number
        column = column if kind.is_numeric() else _to_text(column, kind).cast(pl.Float64, strict=False)
    elif kind.is_numeric():
        bound = None
    else:
        column = _to_text(column, kind)
    if bound is None:
        return pl.lit(False)
    compared: pl.Expr = getattr(column, _OPERATORS[operator])(bound)
    return compared


def parse_moment(text: str) -> datetime | None:
    """An ISO 8601 time or date, in UTC where it names no zone; None for other text."""
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _contains(column: pl.Expr, text: str, is_glob: bool) -> pl.Expr:
    if is_glob:
        return column.str.contains(_to_regex(text, whole=False))
    return column.str.contains("(?i)" + re.escape(text).replace(r"\ ", " "))


def _to_regex(glob: str, *, whole: bool) -> str:
    wildcards = {"*": ".*", "?": "."}
    text = "".join(wildcards.get(piece) or re.escape(_unescape(piece)) for piece in _split_glob(glob))
    return f"(?is)^{text}$" if whole else f"(?is){text}"


def _split_glob(glob: str) -> list[str]:
    """Its wildcards, its escaped characters, and what stands between them."""
    return re.findall(r"\\.|[*?]|[^\\*?]+", glob, flags=re.DOTALL)


def _unescape(piece: str) -> str:
    return piece[1:] if piece[0] == "\\" else piece


def _to_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.String:
        return column
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return pl.lit(None, pl.String) if kind.is_nested() else column.cast(pl.String)


def _to_number(text: str) -> float | None:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None

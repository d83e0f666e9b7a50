from collections.abc import Iterable

import polars as pl

from parsers.ecs import load_field_types
from parsers.events.bodies.structured_bodies import Bodies
from parsers.events.bodies.structured_pairs import write_columns
from parsers.model import Body

DROPPED = "_"
# Longer counts make Hyperscan's automaton large and say no more.
_MOST_COUNTED = 40


def build_csv_pattern(body: Body) -> str:
    """What texts may have the rule's columns, in Hyperscan's words."""
    separator = _escape(body.separator or ",")
    count = min(len(body.columns) - 1, _MOST_COUNTED)
    # A field in quotes may go on in the next line, with the separators behind it.
    return rf"^(?:(?:[^{separator}\n]*{separator}){{{count}}}|[^\n]*\")" if count else r"^[^\n]+$"


def read_csv_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """Texts that are one record of as many fields as `body.columns`, quoted as RFC 4180 says.

    A field in double quotes may hold separators, newlines, and quotes written twice. A column whose name has dots,
    starts with `_` or is known to ECS (`message`) becomes the field of that name; others come out if they are
    `wanted`, else they are left to the rest; `_` is dropped. An empty field is no value.
    """
    separator = body.separator or ","
    is_quoted = texts.str.contains('["\n]').fill_null(False)
    lists = texts.str.split(separator)
    unquotes = is_quoted.any()
    if unquotes:
        lists = _split_quoted(texts, separator).zip_with(is_quoted, lists)
    lengths = lists.list.len()
    matched = (lengths == len(body.columns)).fill_null(False)
    lists = lists.set(~matched, None) if not matched.all() else lists
    columns: dict[str, pl.Series] = {}
    for place, name in enumerate(body.columns):
        if name != DROPPED:
            column = lists.list.get(place, null_on_oob=True)
            column = _unquote(column, separator) if unquotes else column
            columns[name] = column.set(column == "", None)
    keys = frozenset(wanted)
    values = {name: column for name, column in columns.items() if name in keys}
    unnamed = {name: column for name, column in columns.items() if name not in keys}
    fields = {name: column for name, column in unnamed.items() if _is_field(name)}
    others = {name: column for name, column in unnamed.items() if name not in fields}
    rest = write_columns(others, len(texts), body.max_fields)
    return Bodies(matched.alias("matched"), values, {"": rest}, fields=fields)


def _split_quoted(texts: pl.Series, separator: str) -> pl.Series:
    """Lists of the fields of each text, each behind its separator; null where the quotes are not RFC 4180's."""
    mark = _escape(separator)
    field = rf'(?:"(?:[^"]|"")*"|[^"{mark}\n]*)'
    is_sound = texts.str.contains(rf"^{field}(?:{mark}{field})*$")
    # With a separator before each field no field is an empty match, which engines skip in ways of their own.
    return (separator + texts.set(~is_sound, None)).str.extract_all(mark + field)


def _unquote(column: pl.Series, separator: str) -> pl.Series:
    """Fields, of which some have the separator before them, without it and without their quotes."""
    text = pl.col("field").str.strip_prefix(separator)
    inner = text.str.slice(1, text.str.len_chars() - 2).str.replace_all('""', '"', literal=True)
    return (
        column.to_frame("field")
        .select(pl.when(text.str.starts_with('"')).then(inner).otherwise(text))
        .to_series()
    )


def _is_field(name: str) -> bool:
    return "." in name or name.startswith("_") or name in load_field_types()


def _escape(separator: str) -> str:
    return separator if separator.isalnum() or separator in "\t ,;:" else "\\" + separator

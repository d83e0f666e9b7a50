import re
from collections.abc import Iterable

import polars as pl

from parsers.events.bodies.structured_bodies import Bodies
from parsers.events.bodies.structured_pair_rows import SPACE, PairGrammar, read_pair_bodies
from parsers.events.bodies.structured_pairs import KEY, ROW, VALUE, spread_pairs
from parsers.model import Body

_DOUBLE = r'"(?:[^"\\]|\\.)*"'
_SINGLE = r"'(?:[^'\\]|\\.)*'"
# From left to right: what follows a backslash that is escaped is no escape.
_ESCAPES = {quote: re.compile(rf"\\([\\{quote}])") for quote in "\"'"}


def build_keyvalue_pattern(body: Body) -> str:
    """What texts that may be pairs begin with, in Hyperscan's words."""
    key, assign, _ = _describe_pair(body)
    return rf"^[ \t]*{key}{assign}[^\n]*$"


def read_keyvalue_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    r"""Texts that are pairs of a key and a value and nothing else, such as `a=1 b="x y"`.

    `body.separator` (one character, blanks around it do not matter; None: blanks) stands between the pairs,
    `body.assign` between key and value. A value in double or single quotes may hold the separator; `\"` is a quote
    and `\\` a backslash in it, other backslashes are themselves. A value may be empty. Of equal keys the last wins.
    """
    if body.separator is None and body.assign == "=":
        return read_pair_bodies(texts, wanted, body, _GRAMMAR)
    return read_parted_bodies(texts, wanted, body)


def read_parted_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """As `read_keyvalue_bodies`, whatever the separator and the sign between key and value."""
    key, assign, value = _describe_pair(body)
    pair = rf"{key}{assign}(?:{value})?"
    separator = _escape(body.separator or "")
    between = r"[ \t]+" if body.separator is None else rf"[ \t]*{separator}[ \t]*"
    end = r"[ \t]*" if body.separator is None else rf"[ \t]*(?:{separator}[ \t]*)?"
    matched = texts.str.contains(rf"^[ \t]*{pair}(?:{between}{pair})*{end}$").fill_null(False)
    rows = matched.arg_true()
    found = pl.DataFrame({ROW: rows, "pair": texts.gather(rows).str.extract_all(pair)}).explode("pair")
    parts = pl.col("pair").str.extract_groups(rf"^(?P<{KEY}>{key}){assign}(?P<{VALUE}>(?s:.*))$")
    pairs = found.select(ROW, parts.struct.unnest())
    pairs = pairs.with_columns(pl.col(KEY).str.strip_chars(" \t"), unquote(pl.col(VALUE)))
    values, rest = spread_pairs(pairs, len(texts), wanted, body.max_fields)
    return Bodies(matched.alias("matched"), values, {"": rest})


def unquote(value: pl.Expr) -> pl.Expr:
    r"""The text inside double or single quotes, `\"` and `\\` undone; a text without quotes as it is."""
    inner = value.str.slice(1, value.str.len_chars() - 2)
    double = inner.str.replace_many([r"\\", r"\""], ["\\", '"'], leftmost=True)
    single = inner.str.replace_many([r"\\", r"\'"], ["\\", "'"], leftmost=True)
    is_long = value.str.len_chars() > 1
    return (
        pl.when(is_long & value.str.starts_with('"'))
        .then(double)
        .when(is_long & value.str.starts_with("'"))
        .then(single)
        .otherwise(value)
    )


def _unquote_text(quoted: str) -> str:
    return _ESCAPES[quoted[0]].sub(r"\1", quoted[1:-1]) if "\\" in quoted else quoted[1:-1]


def _describe_pair(body: Body) -> tuple[str, str, str]:
    """The patterns of a key, of what assigns, and of a value."""
    if body.separator is None:
        assign = _escape(body.assign)
        outside = rf"\s\"'{assign}" if len(body.assign) == 1 else r"\s\"'"
        key = rf"[^{outside}]+" + ("" if len(body.assign) == 1 else "?")
        return key, assign, rf"{_DOUBLE}|{_SINGLE}|[^\s\"'][^\s]*"
    assign, separator = _escape(body.assign.strip() or body.assign), _escape(body.separator)
    outside = rf"\"'\n{separator}" + (assign if len(assign) <= 2 else "")
    key = rf"[^\s{outside}](?:[^{outside}]*?[^\s{outside}])??"
    value = rf"{_DOUBLE}|{_SINGLE}|[^\s\"'{separator}](?:[^{separator}\n]*[^\s{separator}])?"
    return key, rf"[ \t]*{assign}[ \t]*", value


def _escape(text: str) -> str:
    # Not every engine takes a backslash before every character: `\>` is a word's end to Rust.
    return "".join("\\" + letter if letter in r"\.+*?()|[]{}^$-&~#" else letter for letter in text)


_KEY = rf"[^{SPACE}\"'=]++"
_GRAMMAR = PairGrammar(
    key=re.compile(_KEY),
    pair=re.compile(
        rf"""({_KEY})=(?:("(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+')|([^{SPACE}"'][^{SPACE}]*+)|)(?:[ \t]++|\Z)"""
    ),
    unquote=_unquote_text,
    fewest=1,
    margin=" \t",
    has_single_quotes=True,
)

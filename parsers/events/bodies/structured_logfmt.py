import re
from collections.abc import Iterable

import msgspec
import polars as pl

from parsers.events.bodies.structured_bodies import Bodies
from parsers.events.bodies.structured_pairs import KEY, ROW, VALUE, spread_pairs
from parsers.model import Body

_KEY = r"[A-Za-z_@][A-Za-z0-9_.@/-]*"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^\s"][^\s]*'
_PAIR = rf"{_KEY}=(?:{_QUOTED}|{_BARE})?"
_LINE = rf"^{_PAIR}(?:[ \t]+{_PAIR})+[ \t]*$"
_BACKSLASHES = re.compile(r'\\(["\\])')


def read_logfmt_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """Texts that consist of two or more `key=value` pairs and nothing else.

    A value is quoted (with the escapes of a JSON string), or runs to the next blank, or is empty. Of equal keys the
    last wins.
    """
    found = texts.str.contains(_LINE).fill_null(False)
    rows = found.arg_true()
    pairs = pl.DataFrame({ROW: rows, "pair": texts.gather(rows).str.extract_all(_PAIR)}).explode("pair")
    parts = pl.col("pair").str.splitn("=", 2).struct.rename_fields([KEY, VALUE])
    pairs = pairs.select(ROW, parts.struct.unnest())
    quoted = pairs[VALUE].str.starts_with('"').fill_null(False)
    if quoted.any():
        inner = pl.Series([_unquote(text) for text in pairs[VALUE].filter(quoted).to_list()], dtype=pl.String)
        pairs = pairs.with_columns(pairs[VALUE].scatter(quoted.arg_true(), inner))
    values, rest = spread_pairs(pairs, len(texts), wanted, body.max_fields)
    return Bodies(found.alias("matched"), values, {"": rest})


def _unquote(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return msgspec.json.decode(quoted, type=str)
    except msgspec.MsgspecError:
        # Not JSON's escapes, as in a Windows path: those of quotes and backslashes alone.
        return _BACKSLASHES.sub(r"\1", quoted[1:-1])

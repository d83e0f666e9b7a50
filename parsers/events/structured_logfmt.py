import re
from collections.abc import Sequence

import msgspec
import polars as pl

_KEY = r"[A-Za-z_@][A-Za-z0-9_.@/-]*"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^\s"][^\s]*'
_PAIR = rf"{_KEY}=(?:{_QUOTED}|{_BARE})?"
_LINE = rf"^{_PAIR}(?:[ \t]+{_PAIR})+[ \t]*$"
_PAIRS = re.compile(rf"({_KEY})=(?:({_QUOTED})|({_BARE}))?")
_BACKSLASHES = re.compile(r'\\(["\\])')


def read_logfmt_bodies(
    texts: pl.Series, wanted: Sequence[str]
) -> tuple[pl.Series, dict[str, pl.Series], pl.Series]:
    """Which texts are logfmt, their values under the `wanted` keys, and the other pairs.

    A text is logfmt if it consists of two or more `key=value` pairs and nothing else. A value is quoted (with
    the escapes of a JSON string), or runs to the next blank, or is empty. The first result is Boolean; a
    wanted key that some text has gives a String column, null where it is missing; the third is a compact JSON
    object of strings, null where nothing is left. Of equal keys the last wins.
    """
    found = texts.str.contains(_LINE).fill_null(False)
    columns: dict[str, list[str | None]] = {}
    keys = frozenset(wanted)
    rest: list[str | None] = [None] * len(texts)
    rows = found.arg_true()
    for row, text in zip(rows.to_list(), texts.gather(rows).to_list(), strict=True):
        pairs = {key: _unquote(quoted) if quoted else bare for key, quoted, bare in _PAIRS.findall(text)}
        for key in keys.intersection(pairs):
            if key not in columns:
                columns[key] = [None] * len(texts)
            columns[key][row] = pairs.pop(key)
        if pairs:
            rest[row] = msgspec.json.encode(pairs).decode()
    return (
        found.alias("matched"),
        {key: pl.Series(key, values, dtype=pl.String) for key, values in columns.items()},
        pl.Series("logfmt", rest, dtype=pl.String),
    )


def _unquote(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return msgspec.json.decode(quoted, type=str)
    except msgspec.MsgspecError:
        # Not JSON's escapes, as in a Windows path: those of quotes and backslashes alone.
        return _BACKSLASHES.sub(r"\1", quoted[1:-1])

import re
from collections.abc import Iterable

import msgspec
import polars as pl

from parsers.events.bodies.structured_bodies import Bodies
from parsers.events.bodies.structured_pair_rows import SPACE, PairGrammar, read_pair_bodies
from parsers.model import Body

_KEY = r"[A-Za-z_@][A-Za-z0-9_.@/-]*+"
_BACKSLASHES = re.compile(r'\\(["\\])')


def read_logfmt_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """Texts that consist of two or more `key=value` pairs and nothing else.

    A value is quoted (with the escapes of a JSON string), or runs to the next blank, or is empty. Of equal keys the
    last wins.
    """
    return read_pair_bodies(texts, wanted, body, _GRAMMAR)


def _unquote(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return msgspec.json.decode(quoted, type=str)
    except msgspec.MsgspecError:
        # Not JSON's escapes, as in a Windows path: those of quotes and backslashes alone.
        return _BACKSLASHES.sub(r"\1", quoted[1:-1])


_GRAMMAR = PairGrammar(
    key=re.compile(_KEY),
    pair=re.compile(
        rf'({_KEY})=(?:("(?:[^"\\]++|\\.)*+")|([^{SPACE}"][^{SPACE}]*+)|)(?:[ \t]++|\Z)',
    ),
    unquote=_unquote,
    fewest=2,
    margin="",
    has_single_quotes=False,
)

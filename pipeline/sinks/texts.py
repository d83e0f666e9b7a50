"""What a segment says of its events' texts, so that a search need not read a text twice."""

import polars as pl

MESSAGE_KEY = "tailrace.message"
INSIDE = "inside"
"""The value of MESSAGE_KEY where every `message` is a part of its `event.original`."""

_ORIGINAL, _MESSAGE = pl.col("event.original"), pl.col("message")
_ENDS, _HOLDS = _ORIGINAL.str.ends_with(_MESSAGE), _ORIGINAL.str.contains(_MESSAGE, literal=True)
_SAMPLE_ROWS = 256


def is_message_inside(frame: pl.DataFrame) -> bool:
    """Whether each row's `message`, if it has one, stands in its `event.original` as it is."""
    kinds = [frame.schema.get(name) for name in ("event.original", "message")]
    if kinds != [pl.String(), pl.String()]:
        return False
    texts = frame.select("event.original", "message")
    sample = texts.head(_SAMPLE_ROWS)
    # Most formats end with the message, which is seen at once; those that decode it are found out by a few rows.
    is_last = not sample.select(_find_outside(_ENDS).any()).item()
    if not is_last and sample.select(_find_outside(_HOLDS).any()).item():
        return False
    if is_last:
        texts = texts.filter(_find_outside(_ENDS))
    return not texts.select(_find_outside(_HOLDS).any()).item()


def _find_outside(is_inside: pl.Expr) -> pl.Expr:
    return ~is_inside.fill_null(False) & _MESSAGE.is_not_null()

"""The times that shippers write: ISO 8601 in some spellings, or a number since the epoch."""

import datetime
import math
from collections.abc import Sequence

import polars as pl

# A number below each bound is in that unit; 1e11 seconds is the year 5138, 1e11 milliseconds 1973.
_UNITS = ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3), (math.inf, 1e-6))
_FIRST = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000
_LAST = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC).timestamp() * 1000


def to_milliseconds(times: Sequence[str | int | float | None]) -> pl.Series:
    """Epoch milliseconds (Int64, rounded down); null for what is no time between the years 1 and 9999.

    Texts are ISO 8601 (RFC 3339, also with a space, without a zone meaning UTC), or a number as text. Numbers
    are seconds, milliseconds, microseconds or nanoseconds since the epoch, whichever gives a year between
    1973 and 5138.
    """
    try:
        texts = pl.Series(times, dtype=pl.String)
    except TypeError:
        texts = pl.Series([time if isinstance(time, str) else None for time in times], dtype=pl.String)
    read = texts.str.to_datetime("%+", time_unit="ms", time_zone="UTC", strict=False).to_physical()
    if read.null_count() == 0:
        return read
    missing = read.is_null().arg_true().to_list()
    rest = pl.Series([_to_milliseconds(times[row]) for row in missing], dtype=pl.Int64)
    return read.scatter(missing, rest)


def _to_milliseconds(time: str | int | float | None) -> int | None:
    if time is None:
        return None
    if isinstance(time, str):
        try:
            read = datetime.datetime.fromisoformat(time.strip().replace(" +", "+").replace(" -", "-"))
        except ValueError:
            return _from_number(time)
        if read.tzinfo is None:
            read = read.replace(tzinfo=datetime.UTC)
        return (read - _EPOCH) // datetime.timedelta(milliseconds=1)
    return _from_number(time)


def _from_number(number: str | int | float) -> int | None:
    try:
        value = float(number)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(value):
        return None
    factor = next(factor for bound, factor in _UNITS if abs(value) < bound)
    # Through text: 1751364000.123 * 1000 is 1751364000122.9999.
    milliseconds = math.floor(round(value * factor, 3))
    return milliseconds if _FIRST <= milliseconds <= _LAST else None


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

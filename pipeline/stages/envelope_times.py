"""The times that shippers write: ISO 8601 in some spellings, or a number since the epoch."""

import datetime
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

# A number below each bound is in that unit; 1e11 seconds is the year 5138, 1e11 milliseconds 1973.
_UNITS = ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3), (math.inf, 1e-6))
_FIRST = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000
_LAST = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC).timestamp() * 1000

# What shippers write: `2026-07-01T10:00:00.123` with up to six more digits and a Z.
_PATTERN = np.frombuffer(b"0000-00-00T00:00:00.000", np.uint8)
_REACH = np.array([9 if chr(code) == "0" else 0 for code in _PATTERN], np.uint8)
_MONTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def to_milliseconds(times: Sequence[str | int | float | None]) -> pl.Series:
    """Epoch milliseconds (Int64, rounded down); null for what is no time between the years 1 and 9999.

    Texts are ISO 8601 (RFC 3339, also with a space, without a zone meaning UTC), or a number as text. Numbers
    are seconds, milliseconds, microseconds or nanoseconds since the epoch, whichever gives a year between
    1973 and 5138.
    """
    try:
        return read_times(pl.Series(times, dtype=pl.String))
    except TypeError:
        texts = pl.Series([time if isinstance(time, str) else None for time in times], dtype=pl.String)
    read = read_times(texts)
    rows = texts.is_null().arg_true()
    numbers = pl.Series([_to_float(times[row]) for row in rows], dtype=pl.Float64)
    return read.scatter(rows, read_numbers(numbers))


def read_times(texts: pl.Series) -> pl.Series:
    """`to_milliseconds` of a String column; null where it is."""
    read = _read_usual(texts)
    missing = (read.is_null() & texts.is_not_null()).arg_true()
    if len(missing) == 0:
        return read
    others = texts.gather(missing)
    known = others.str.to_datetime("%+", time_unit="ms", time_zone="UTC", strict=False).to_physical()
    if known.null_count():
        rows = known.is_null().arg_true()
        slow = [_from_text(text) for text in others.gather(rows)]
        known = known.scatter(rows, pl.Series(slow, dtype=pl.Int64))
    return read.scatter(missing, known)


def read_numbers(numbers: pl.Series) -> pl.Series:
    """`to_milliseconds` of a Float64 column; null where it is."""
    values = numbers.fill_null(math.nan).to_numpy()
    bounds, factors = zip(*_UNITS, strict=True)
    usual = np.isfinite(values)
    scaled = np.where(usual, values, 0.0)
    scaled = scaled * np.array(factors)[np.searchsorted(np.array(bounds), np.abs(scaled), side="right")]
    whole = np.floor(scaled)
    rest = scaled - whole
    usual &= (whole >= _FIRST) & (whole < _LAST)
    # Three places decide; what is this near to the next millisecond is left to decimal arithmetic.
    near = usual & (rest > 0.999)
    read = pl.Series(np.where(usual, whole, 0).astype(np.int64)).set(~pl.Series(usual), None)
    rows = pl.Series(near | ~usual).arg_true()
    if len(rows) == 0:
        return read
    slow = [None if value is None else _from_number(value) for value in numbers.gather(rows)]
    return read.scatter(rows, pl.Series(slow, dtype=pl.Int64))


def _read_usual(texts: pl.Series) -> pl.Series:
    """The times in the usual form, null for others; by arithmetic on the digits of all at once."""
    nothing = pl.repeat(None, len(texts), dtype=pl.Int64, eager=True)
    rows = texts.str.slice(23).str.contains(r"^[0-9]{0,6}Z$").arg_true()
    heads = texts.gather(rows).str.slice(0, 23)
    if heads.is_empty():
        return nothing
    joined = (heads.str.join("").item() or "").encode()
    if len(joined) != len(rows) * len(_PATTERN):
        return nothing
    # A row a place; from the pattern's own character a digit is 0 to 9 away, all else nothing.
    away = (
        np.ascontiguousarray(np.frombuffer(joined, np.uint8).reshape(-1, len(_PATTERN)).T) - _PATTERN[:, None]
    )
    good = (away <= _REACH[:, None]).all(axis=0)
    read, valid = _count_milliseconds(away)
    known = pl.Series(np.where(good & valid, read, 0)).set(~pl.Series(good & valid), None)
    return known if len(rows) == len(texts) else nothing.scatter(rows, known)


def _count_milliseconds(
    digits: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Epoch ms of dates in the proleptic Gregorian calendar, and which are dates. `digits` has a row a place."""

    def number(at: int, places: int) -> npt.NDArray[np.int64]:
        total: npt.NDArray[np.int64] = digits[at].astype(np.int64)
        for place in range(at + 1, at + places):
            total = total * 10 + digits[place]
        return total

    year, month, day = number(0, 4), number(5, 2), number(8, 2)
    hour, minute, second = number(11, 2), number(14, 2), number(17, 2)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    valid = (
        (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    )
    valid &= (day <= _MONTHS[np.minimum(month, 12)]) & ((month != 2) | (day <= 28) | leap)
    # Years from March on: the leap day is then a year's last.
    shifted = year - (month <= 2)
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - 719_468
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 1000 + number(20, 3), valid


def _from_text(text: str) -> int | None:
    try:
        read = datetime.datetime.fromisoformat(text.strip().replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return _from_number(text)
    if read.tzinfo is None:
        read = read.replace(tzinfo=datetime.UTC)
    return (read - _EPOCH) // datetime.timedelta(milliseconds=1)


def _from_number(number: str | float) -> int | None:
    value = _to_float(number)
    if value is None or not math.isfinite(value):
        return None
    factor = next(factor for bound, factor in _UNITS if abs(value) < bound)
    # Through text: 1751364000.123 * 1000 is 1751364000122.9999.
    milliseconds = math.floor(round(value * factor, 3))
    return milliseconds if _FIRST <= milliseconds <= _LAST else None


def _to_float(number: str | int | float | None) -> float | None:
    try:
        return None if number is None else float(number)
    except (ValueError, OverflowError):
        return None


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

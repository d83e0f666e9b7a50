"""Laws of shippers' times: arithmetic on whole columns gives what the standard library reads one by one."""

import datetime
import math

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.envelope_times import read_numbers, read_times, to_milliseconds

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
DIGITS = st.text("0123456789", max_size=9)
# Near the ends of months and days, where calendars go wrong.
PARTS = st.tuples(
    st.sampled_from([0, 1, 4, 100, 400, 1900, 1970, 2000, 2023, 2024, 2026, 9999]) | st.integers(0, 9999),
    st.sampled_from([0, 1, 2, 3, 12, 13]) | st.integers(1, 12),
    st.sampled_from([0, 1, 28, 29, 30, 31, 32]) | st.integers(1, 28),
    st.integers(0, 24),
    st.sampled_from([0, 59, 60]),
    st.sampled_from([0, 59, 60, 61]),
    DIGITS,
)
TEXTS = PARTS.map(
    lambda parts: (
        "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*parts[:6])
        + (f".{parts[6]}Z" if parts[6] else "Z")
    )
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.builds(
    lambda whole, part, unit: (whole + part) * unit,
    st.integers(-(10**10), 10**11),
    st.sampled_from([0, 0.123, 0.9994, 0.99949, 0.9995, 0.9996, 0.9999999]) | st.floats(0, 1),
    st.sampled_from([1e-3, 1, 1e3, 1e6, 1e9]),
)


def read_text(text: str) -> int | None:
    try:
        return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(milliseconds=1)
    except ValueError:
        return None


def read_number(number: float) -> int | None:
    if not math.isfinite(number):
        return None
    bounds = ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3), (math.inf, 1e-6))
    factor = next(factor for bound, factor in bounds if abs(number) < bound)
    whole = math.floor(round(number * factor, 3))
    return whole if -62_135_596_800_000 <= whole <= 253_402_214_400_000 else None


@given(st.lists(TEXTS, max_size=30))
@settings(deadline=None, max_examples=200)
def test_texts(texts: list[str]) -> None:
    # The standard library knows no leap second, and `%+` one only where a minute ends.
    texts = [text for text in texts if text[17:19] != "60" and text[:4] != "0000"]

    assert read_times(pl.Series(texts, dtype=pl.String)).to_list() == [read_text(text) for text in texts]


@given(st.lists(NUMBERS | st.none(), max_size=30))
@settings(deadline=None, max_examples=200)
def test_numbers(numbers: list[float | None]) -> None:
    read = read_numbers(pl.Series(numbers, dtype=pl.Float64)).to_list()

    assert read == [None if number is None else read_number(number) for number in numbers]


@given(st.lists(TEXTS | NUMBERS | st.none() | st.integers() | st.just("1782900000.123"), max_size=12))
@settings(deadline=None, max_examples=100)
def test_no_time_hangs_on_its_neighbours(times: list[str | float | None]) -> None:
    assert to_milliseconds(times).to_list() == [to_milliseconds([time])[0] for time in times]

"""What is written with its unit reads back as the number it stands for."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.values.convert import convert_types
from parsers.events.values.convert_units import DURATION_UNITS, read_durations, read_hexadecimals, read_sizes

LONGEST = 2**63 - 1
NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def read_size(text: str) -> int | None:
    found: int | None = read_sizes(pl.Series([text]))[0]
    return found


def read_duration(text: str, unit: int | None = None) -> int | None:
    found: int | None = read_durations(pl.Series([text]), unit)[0]
    return found


@given(
    st.integers(0, 2**22 - 1) | st.integers(2**60, 2**62),
    st.sampled_from(["k", "M", "G", "T"]),
    st.sampled_from(["", "B", "iB", "bytes", "Byte"]),
)
def test_sizes_read_back(count: int, unit: str, end: str) -> None:
    size = count * 1024 ** ("kMGT".index(unit) + 1)

    assert read_size(f"{count}{unit}{end}") == (size if size < 2**62 else None)
    assert read_size(str(count)) == count


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1.5 KB", 1536), ("12MiB", 12 * 2**20),
        ("300", 300), ("0", 0), ("1,024 bytes", 1024), ("5 B", 5), (" 4k ", 4096),
        ("0.5k", 512), ("2 GByte", 2**31), ("-1", None), ("1.5.2", None), ("1e3", None), ("", None), ("many", None),
        ("12Mbit", None), ("16E", None), ("99999999999999999999", None), ("1,02 k", None),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int | None) -> None:
    assert read_size(text) == size


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59), st.integers(0, 10**9 - 1))
def test_durations_of_several_units_read_back(hours: int, minutes: int, seconds: int, rest: int) -> None:
    expected = ((hours * 60 + minutes) * 60 + seconds) * 10**9 + rest

    assert read_duration(f"{hours}h{minutes}m{seconds}.{rest:09}s") == expected
    assert read_duration(f"{hours}:{minutes:02}:{seconds:02}.{rest:09}") == expected
    assert read_duration(f"PT{hours}H{minutes}M{seconds}.{rest:09}S") == expected
    assert read_duration(f"{hours} hours, {minutes} min {seconds} sec {rest} ns") == expected


@given(st.timedeltas(timedelta(0), timedelta(days=99_999)))
def test_what_python_prints_reads_back(duration: timedelta) -> None:
    assert read_duration(str(duration)) == duration // timedelta(microseconds=1) * 1000


@given(st.integers(0, LONGEST // (3600 * 10**9) - 1), st.sampled_from(sorted(NANOSECONDS)), st.booleans())
def test_durations_of_one_unit_read_back(count: int, unit: str, spaced: bool) -> None:
    assert read_duration(f"{count}{' ' * spaced}{unit}") == count * NANOSECONDS[unit]


@given(
    st.integers(0, 10**7), st.integers(0, 999), st.sampled_from(sorted(set(DURATION_UNITS) - {"duration"}))
)
def test_bare_numbers_take_the_unit_of_their_type(whole: int, fraction: int, kind: str) -> None:
    unit = DURATION_UNITS[kind]
    assert unit is not None
    frame = pl.DataFrame({"event.duration": [str(whole), f"{whole}.{fraction:03}", f"{whole}ms"]})

    converted = convert_types(frame, {"event.duration": kind}, ["event.duration"])["event.duration"]

    assert converted.dtype == pl.Int64
    assert converted.to_list() == [whole * unit, whole * unit + round(fraction * unit / 1000), whole * 10**6]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1.5s", 1_500_000_000), ("3µs", 3000), ("3\u03bcs", 3000),
        ("1h2m3s", 3_723_000_000_000), ("00:01:02.5", 62_500_000_000),
        ("PT1.5S", 1_500_000_000), ("P1DT2H", 93_600_000_000_000), ("1.02:03:04.5", 93_784_500_000_000), ("0", 0),
        ("2 days 3 hours", 183_600_000_000_000), ("3-01:00:00", 262_800_000_000_000), ("1m500ms", 60_500_000_000),
        ("5", None), ("-1s", None), ("P", None), ("PT", None), ("P1Y", None), ("ms", None), ("1:62:03", None),
        ("5 parsecs", None), ("1s2h", None), ("3000000000h", None), ("", None), ("01:02", None),
    ],
)  # fmt: skip
def test_durations(text: str, nanoseconds: int | None) -> None:
    assert read_duration(text) == nanoseconds


def test_seconds_in_scientific_notation() -> None:
    texts = ["1.5e-05", "2E3", "1e300", "e5"]

    assert [read_duration(text, 10**9) for text in texts] == [15_000, 2 * 10**12, None, None]


@given(st.integers(0, LONGEST))
def test_hexadecimals_read_back(number: int) -> None:
    texts = pl.Series([f"{number:x}", f"{number:#X}", f"0x{number:016x}"])

    assert read_hexadecimals(texts).to_list() == [number] * 3


def test_what_is_beyond_a_long_is_left_out() -> None:
    frame = pl.DataFrame(
        {"a": ["0xffffffffffffffff", "0x1ffffffffffffffff"], "b": ["9223372036854775808", "-1"]}
    )

    converted = convert_types(frame, {"a": "hex", "b": "long"}, frame.columns)

    assert converted.to_dict(as_series=False) == {"a": [None, None], "b": [None, -1]}


def test_lists_have_no_blanks_and_no_empty_items() -> None:
    frame = pl.DataFrame({"a": ["x, y,,z", ",", None], "b": ["x  y", "", "x;y"]})

    converted = convert_types(frame, {"a": "list", "b": "list"}, frame.columns, {"b": " "})

    assert converted["a"].to_list() == [["x", "y", "z"], None, None]
    assert converted["b"].to_list() == [["x", "y"], None, ["x;y"]]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_no_text_is_too_strange(texts: list[str]) -> None:
    frame = pl.DataFrame({"a": texts}, schema={"a": pl.String})

    for kind in ("bytes", "hex", "list", *DURATION_UNITS):
        assert convert_types(frame, {"a": kind}, ["a"]).height == len(texts)


PLAIN_NUMBERS = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,12})?", fullmatch=True) | st.sampled_from(
    ["0", "999999999999", "99999999999999999999", "0.0000000005", "1.0000000015", "3.9999999999999", "1e5"]
)
PLAIN_UNITS = st.sampled_from(["", "ns", "us", "\u00b5s", "ms", "s", " s", "S", "m", "h", "d", "w", "x", " "])
ODD_DURATIONS = st.sampled_from(
    ["PT1S", "1h2m", "0:00:33", "-1s", "+1", "1.s", " 1s", "nan", "inf", "1_000", ""]
)


@given(
    st.lists(PLAIN_UNITS, min_size=1, max_size=3).flatmap(
        lambda units: st.lists(
            st.builds("{}{}".format, PLAIN_NUMBERS, st.sampled_from(units)) | ODD_DURATIONS | st.none(),
            max_size=8,
        )
    ),
    st.sampled_from([None, 1, 10**6, 10**9, 60 * 10**9]),
)
@settings(deadline=None, max_examples=200)
def test_durations_of_few_units_are_read_like_any(texts: list[str | None], unit: int | None) -> None:
    # Behind a text that is no plain number all are read by the general forms.
    general = read_durations(pl.Series("d", ["PT1S", *texts], dtype=pl.String), unit)
    plain = read_durations(pl.Series("d", texts, dtype=pl.String), unit)

    assert plain.to_list() == general[1:].to_list()
    assert plain.name == "d"
    assert plain.dtype == pl.Int64

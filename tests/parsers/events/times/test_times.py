from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.events.times.times import parse_times
from parsers.events.times.zone_names import is_zone
from parsers.model import Timestamp


def read(
    texts: Sequence[str | None],
    *formats: str,
    at: str = "2026-11-23T00:00:00+00:00",
    zone: str | None = None,
    zones: list[str | None] | None = None,
    default: str = "UTC",
) -> list[str | None]:
    reference = int(datetime.fromisoformat(at).timestamp() * 1000)
    found = parse_times(
        pl.Series(texts, dtype=pl.String),
        Timestamp("ts", formats, zone),
        pl.Series([reference] * len(texts), dtype=pl.Int64),
        None if zones is None else pl.Series(zones, dtype=pl.String),
        default,
    )
    return [None if time is None else time.isoformat(timespec="milliseconds") for time in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01T10:00:01.123Z", "2026-07-01T10:00:01.123+00:00"),
        ("2026-07-01 10:00:01,5", "2026-07-01T10:00:01.500+00:00"),
        ("2026-07-01T10:00:01.123456789+02:00", "2026-07-01T08:00:01.123+00:00"),
        ("2026-07-01T10:00:01+0200", "2026-07-01T08:00:01.000+00:00"),
        ("2026-07-01 10:00:01.123 +02", "2026-07-01T08:00:01.123+00:00"),
        ("2026-07-01 10:00:01.123 UTC", "2026-07-01T10:00:01.123+00:00"),
        ("2026/07/01 10:00:01", "2026-07-01T10:00:01.000+00:00"),
        ("2026-07-01 10:00", "2026-07-01T10:00:00.000+00:00"),
        ("2026-07-01", "2026-07-01T00:00:00.000+00:00"),
        ("2026-02-30 10:00:00", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_iso_8601_is_read_in_its_common_spellings(text: str | None, expected: str | None) -> None:
    assert read([text], "ISO8601") == [expected]


def test_a_mixed_column_is_read_row_by_row() -> None:
    texts = ["2026-07-01 10:00:01", "2026-07-01T10:00:01Z", None, "x", "2026-07-01 10:00:01,250"]

    assert read(texts, "ISO8601") == [read([text], "ISO8601")[0] for text in texts]


def test_new_year_takes_the_year_from_the_record_both_ways() -> None:
    assert read(["Dec 31 23:59:59"], "%b %d %H:%M:%S", at="2027-01-01T00:00:05+00:00") == [
        "2026-12-31T23:59:59.000+00:00"
    ]
    assert read(["Jan  1 00:00:05"], "%b %e %H:%M:%S", at="2026-12-31T23:59:59+00:00") == [
        "2027-01-01T00:00:05.000+00:00"
    ]


def test_29_february_finds_its_leap_year() -> None:
    assert read(["Feb 29 00:00:05"], "%b %d %H:%M:%S") == ["2024-02-29T00:00:05.000+00:00"]


def test_a_time_of_day_takes_the_record_s_day() -> None:
    assert read(["10:00:01"], "%H:%M:%S", at="2026-11-23T12:00:00+00:00") == ["2026-11-23T10:00:01.000+00:00"]
    assert read(["23:59:59"], "%H:%M:%S", at="2026-11-23T00:00:01+00:00") == ["2026-11-22T23:59:59.000+00:00"]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("1782000000", "UNIX", "2026-06-21T00:00:00.000+00:00"),
        ("1782000000.5", "UNIX", "2026-06-21T00:00:00.500+00:00"),
        ("1782000000123", "UNIX_MS", "2026-06-21T00:00:00.123+00:00"),
        ("1782000000123456", "UNIX_US", "2026-06-21T00:00:00.123+00:00"),
        ("1782000000123456789", "UNIX_NS", "2026-06-21T00:00:00.123+00:00"),
        ("99999999999999999999", "UNIX", None),
        ("01/Jul/2026:10:00:00 +0200", "%d/%b/%Y:%H:%M:%S %z", "2026-07-01T08:00:00.000+00:00"),
        ("2026-07-01 10:00:01,123", "%Y-%m-%d %H:%M:%S,%f", "2026-07-01T10:00:01.123+00:00"),
        ("2026-07-01 10:00:01.123456", "%Y-%m-%d %H:%M:%S.%f", "2026-07-01T10:00:01.123+00:00"),
        ("2026-07-01 10:00:01 CEST", "%Y-%m-%d %H:%M:%S %Z", "2026-07-01T08:00:01.000+00:00"),
        ("Jul 1, 2026 3:04:05 PM", "%b %d, %Y %I:%M:%S %p", "2026-07-01T15:04:05.000+00:00"),
    ],
)
def test_formats(text: str, form: str, expected: str | None) -> None:
    assert read([text], form) == [expected]


def test_the_rule_s_zone_wins_over_the_record_s_over_the_default() -> None:
    text = ["2026-07-01 10:00:00"]

    assert read(text, "ISO8601", zone="Europe/Berlin", zones=["+05:00"]) == ["2026-07-01T08:00:00.000+00:00"]
    assert read(text, "ISO8601", zones=["+05:00"]) == ["2026-07-01T05:00:00.000+00:00"]
    assert read(text, "ISO8601", zones=[None], default="America/New_York") == [
        "2026-07-01T14:00:00.000+00:00"
    ]
    assert read(text * 2, "ISO8601", zones=["+05:00", "nonsense"]) == [
        "2026-07-01T05:00:00.000+00:00",
        "2026-07-01T10:00:00.000+00:00",
    ]


def test_hours_that_the_clocks_skip_or_repeat_are_read() -> None:
    assert read(["2026-03-29 02:30:00"], "ISO8601", zone="Europe/Berlin") == ["2026-03-29T01:30:00.000+00:00"]
    assert read(["2026-10-25 02:30:00"], "ISO8601", zone="Europe/Berlin") == ["2026-10-25T00:30:00.000+00:00"]


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%d/%b/%Y:%H:%M:%S %z", "%Y%m%d%H%M%S"]),
)
def test_what_strftime_writes_is_read_back(time: datetime, form: str) -> None:
    kept = time if "%f" in form else time.replace(microsecond=0)
    expected = kept.replace(microsecond=kept.microsecond // 1000 * 1000)

    assert read([time.strftime(form)], form) == [expected.isoformat(timespec="milliseconds")]


@given(
    st.datetimes(datetime(1990, 3, 1), datetime(2150, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as above
    st.integers(-80_000, 300 * 86_400),
)
def test_a_time_without_year_is_found_again_within_ten_months(time: datetime, lag: int) -> None:
    whole = time.replace(microsecond=0)
    recorded = datetime.fromtimestamp(whole.timestamp() + lag, UTC)

    assert read([whole.strftime("%b %d %H:%M:%S")], "%b %d %H:%M:%S", at=recorded.isoformat()) == [
        whole.isoformat(timespec="milliseconds")
    ]


def test_zone_names() -> None:
    assert is_zone("Europe/Berlin")
    assert is_zone("-03:30")
    assert is_zone("CET")
    assert not is_zone("Mars/Olympus")
    assert not is_zone("../etc/passwd")


def test_two_digits_are_no_year_of_four() -> None:
    spec = Timestamp("ts", ("%m/%d/%Y, %H:%M:%S", "%m/%d/%y, %H:%M:%S"))
    texts = pl.Series(["07/01/26, 10:00:00", "07/01/2026, 10:00:00"])
    read = parse_times(texts, spec, pl.Series([0, 0]), None, "UTC")
    assert read.dt.strftime("%Y-%m-%dT%H").to_list() == ["2026-07-01T10", "2026-07-01T10"]

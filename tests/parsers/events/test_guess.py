"""What is still found in lines that no rule knows, and what must not be taken for more than it is."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.events.guess import guess_fields
from parsers.events.times.times import PLAUSIBLE_LEAD, UTC_MILLISECONDS

RECORDED = datetime(2026, 7, 1, 10, 0, 30, tzinfo=UTC)
TEN = datetime(2026, 7, 1, 10, 0, 0, tzinfo=UTC)


def guess(
    *lines: str, recorded: datetime | None = RECORDED, known: dict[str, list[Any]] | None = None
) -> pl.DataFrame:
    """What is guessed of lines that all came with one record time."""
    time = None if recorded is None else int(recorded.timestamp() * 1000)
    times = pl.Series([time] * len(lines), dtype=pl.Int64)
    return guess_fields(pl.DataFrame({"_head": list(lines), "_time": times, **(known or {})}))


def column(frame: pl.DataFrame, name: str) -> list[Any]:
    """A field's values, nulls where the field was never found."""
    return frame[name].to_list() if name in frame.columns else [None] * frame.height


@pytest.mark.parametrize(
    "line",
    [
        "pump started 2026-07-01T10:00:00Z",
        "pump (2026/07/01 10:00:00) started",
        "[2026-07-01 12:00:00,000 +0200] pump",
        "web-1 01/Jul/2026:12:00:00 +0200 pump",
        "pump: Wed Jul  1 10:00:00 2026",
        "Wed Jul  1 10:00:00 UTC 2026 pump",
        "Wed, 01 Jul 2026 12:00:00 +0200 pump",
        "01-Jul-2026 10:00:00.000 pump",
        "Jul 1, 2026 10:00:00 pump",
        "Jul  1 10:00:00 pump",
        "07/01/2026 10:00:00 pump",
        "01/07/2026 10:00:00 pump",
        "01.07.2026 10:00:00 pump",
        "20260701T100000Z pump",
        "20260701 10:00:00 pump",
        "10:00:00 pump",
        "[1782900000] pump",
        "1782900000000 pump",
    ],
)
def test_a_common_time_near_the_head_is_the_events(line: str) -> None:
    assert column(guess(line), "@timestamp") == [TEN]


@pytest.mark.parametrize(
    "line",
    [
        "pump 7 is on",
        "17829000001 pump",
        "id 1782900000 pump",
        "order-1782900000 pump",
        "1082900000 pump",  # a number that would be a time of 22 years ago
        "see /srv/2026-07-01 10:00:00/pump",
        "pump-2.2026-07-01 10:00:00",
        "2026-13-41 10:00:00 pump",
        "2031-07-01 10:00:00 pump",  # years after its record
        "x" * 70 + " 2026-07-01 10:00:00",
    ],
)
def test_what_only_looks_like_a_time_is_none(line: str) -> None:
    assert column(guess(line), "@timestamp") == [None]


def test_an_epoch_is_no_time_without_a_record_to_compare_with() -> None:
    assert column(guess("1782900000 pump", recorded=None), "@timestamp") == [None]


def test_the_records_zone_reads_a_time_without_one() -> None:
    frame = guess("2026-07-01 12:00:00 pump", known={"event.timezone": ["Europe/Berlin"]})
    assert column(frame, "@timestamp") == [TEN]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("[Warning] low", "warn"),
        ("pump ERROR stopped", "error"),
        ("pump|FATAL|stopped", "fatal"),
        ("error: stopped", "error"),
        ("pump severity=critical", "critical"),
        ("there is no error", None),
        ("TRACE /pump HTTP/1.1", None),
        ("ERRORS are bad", None),
    ],
)
def test_a_level_is_found_where_it_stands_out(line: str, level: str | None) -> None:
    assert column(guess(line), "log.level") == [level]


@pytest.mark.parametrize(
    ("line", "name", "pid"),
    [
        ("Jul  1 10:00:00 web-1 pumpd[4711]: on", "pumpd", 4711),
        ("/usr/sbin/pumpd[4711]: on", "pumpd", 4711),
        ("the element[3]: on", None, None),
        ("pumpd[0]: on", None, None),
        ("pumpd[x]: on", None, None),
    ],
)
def test_a_program_with_its_pid_is_found(line: str, name: str | None, pid: int | None) -> None:
    frame = guess(line)
    assert (column(frame, "process.name"), column(frame, "process.pid")) == ([name], [pid])


def test_what_is_known_already_stays() -> None:
    frame = guess("[error] a", "[error] b", known={"log.level": ["debug", None]})
    assert column(frame, "log.level") == ["debug", "error"]


def test_rows_keep_their_order_whatever_is_found_in_them() -> None:
    lines = ["on", "2026-07-01 10:00:00 a", "Jul  1 10:00:00 b", "off"]
    frame = guess(*lines)
    assert frame["_head"].to_list() == lines
    assert column(frame, "@timestamp") == [None, TEN, TEN, None]


@given(st.lists(st.text(max_size=80), min_size=1, max_size=8))
def test_nothing_in_a_line_raises_or_gives_a_time_beyond_its_record(lines: list[str]) -> None:
    frame = guess(*(line.replace("\n", " ") for line in lines))
    assert frame.height == len(lines)
    limit = pl.Series([RECORDED]).cast(UTC_MILLISECONDS)[0] + PLAUSIBLE_LEAD
    assert all(time is None or time <= limit for time in column(frame, "@timestamp"))

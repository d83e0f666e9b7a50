from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import RuleError
from parsers.events.times.times import parse_times
from parsers.events.times.zone_names import find_offset
from parsers.load import parse_rules
from parsers.model import Condition, Installation, Timestamp, ZoneRule
from parsers.ruleset import build_rule_set

RULE = """
name: depot
patterns: ['^(?P<ts>\\S+ \\S+) (?P<host.hostname>\\S+) (?P<message>.*)$']
timestamp: {field: ts, formats: ['%Y-%m-%d %H:%M:%S'], timezone: ZONE}
"""
BY_HOST = "{from: host.hostname, values: {'db-*': Europe/Berlin, 'db-9': UTC, 'ny-*': -05:00}}"
LINE = "2026-07-01 10:00:00 %s opened"


def read_hour(
    zone: str,
    host: str,
    context: Mapping[str, str] | None = None,
    zones: Sequence[ZoneRule] = (),
    default: str = "UTC",
) -> int:
    rule = RULE.replace("ZONE", zone) if zone else RULE.replace(", timezone: ZONE", "")
    rules = build_rule_set(parse_rules(rule), default, installation=Installation(tuple(zones)))
    lines = pl.DataFrame(
        {"event.original": [LINE % host], **{key: [value] for key, value in (context or {}).items()}}
    )
    (block,) = rules.parse(lines).blocks
    time: datetime = block.frame["@timestamp"][0]
    return time.hour


def test_a_rule_chooses_the_zone_by_a_field_and_its_first_glob_that_matches() -> None:
    assert read_hour(BY_HOST, "db-1") == 8
    assert read_hour(BY_HOST, "db-9") == 8
    assert read_hour(BY_HOST, "ny-1") == 15


def test_a_value_that_no_glob_matches_has_the_default_or_what_else_is_known() -> None:
    with_default = BY_HOST[:-1] + ", default: Asia/Tokyo}"

    assert read_hour(with_default, "web-1") == 1
    assert read_hour(BY_HOST, "web-1") == 10
    assert read_hour(BY_HOST, "web-1", {"event.timezone": "+02:00"}) == 8
    assert read_hour(BY_HOST, "web-1", default="+03:00") == 7


def test_the_field_may_be_the_record_s() -> None:
    zone = "{from: log.file.path, values: {'*/berlin/*': Europe/Berlin}}"

    assert read_hour(zone, "a", {"log.file.path": "/var/log/berlin/x.log"}) == 8
    assert read_hour(zone, "a") == 10


def test_the_installation_s_zone_holds_where_the_rule_names_none() -> None:
    zones = [
        ZoneRule(((Condition("host.hostname", ("db-*",)),),), "Europe/Berlin"),
        ZoneRule(((Condition("log.file.path", ("*/ny/*",)),),), "America/New_York"),
    ]

    assert read_hour("", "db-1", zones=zones) == 8
    assert read_hour("", "web-1", {"log.file.path": "/ny/a"}, zones) == 14
    assert read_hour("", "web-1", zones=zones) == 10
    assert read_hour("Asia/Tokyo", "db-1", zones=zones) == 1
    # What an operator says of a host goes before what its shipper says.
    assert read_hour("", "db-1", {"event.timezone": "+09:00"}, zones) == 8


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("{values: {a: UTC}}", "has no 'from'"),
        ("{from: host.name}", "has no 'values'"),
        ("{from: host.name, values: {a: Mars}}", "'Mars' is not a time zone"),
        ("{from: host.name, values: {'[': UTC}}", "the glob '[' has a [ without its ]"),
        ("{from: 'a b', values: {a: UTC}}", "'a b' is not a field name"),
    ],
)
def test_mistakes_are_told(zone: str, words: str) -> None:
    with pytest.raises(RuleError, match=r"^<rules>:4:.*: error: ") as caught:
        parse_rules(RULE.replace("ZONE", zone))

    assert words in str(caught.value)


def read(text: str, form: str, zone: str | None, at: str = "2026-11-23T00:00:00+00:00") -> str | None:
    reference = pl.Series([int(datetime.fromisoformat(at).timestamp() * 1000)])
    found: datetime | None = parse_times(
        pl.Series([text]), Timestamp("ts", (form,), zone), reference, None, "UTC"
    )[0]
    return None if found is None else found.isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-07-01 10:00:00 CST", "Asia/Shanghai", "02:00"),
        ("2026-07-01 10:00:00 CST", None, "16:00"),
        ("2026-07-01 10:00:00 CST", "Europe/Berlin", "16:00"),
        ("2026-07-01 10:00:00 IST", "Asia/Kolkata", "04:30"),
        ("2026-07-01 10:00:00 IST", "Europe/Dublin", "09:00"),
        ("2026-07-01 10:00:00 IST", "Europe/Berlin", "08:00"),
        ("2026-07-01 10:00:00 XQZT", "Europe/Berlin", "08:00"),
        ("2026-07-01 10:00:00 CEST", "Asia/Tokyo", "08:00"),
        ("2026-07-01 10:00:00 -03", "Asia/Tokyo", "13:00"),
        ("2026-11-01 01:30:00 EST", "America/New_York", "06:30"),
        ("2026-11-01 01:30:00 EDT", "America/New_York", "05:30"),
    ],
)
def test_an_abbreviation_is_what_the_zone_calls_so_else_its_common_meaning_else_the_zone(
    text: str, zone: str | None, expected: str
) -> None:
    day = text[:10]

    assert read(text, "%Y-%m-%d %H:%M:%S %Z", zone) == f"{day}T{expected}:00+00:00"


def test_an_abbreviation_may_stand_inside_and_behind_iso_8601() -> None:
    assert (
        read("Wed Jul  1 10:00:00 QQT 2026", "%a %b %e %H:%M:%S %Z %Y", "+02:00")
        == "2026-07-01T08:00:00+00:00"
    )
    assert read("Wed Jul  1 10:00:00 PM IST 2026", "%a %b %e %I:%M:%S %p %Z %Y", "Asia/Kolkata") == (
        "2026-07-01T16:30:00+00:00"
    )
    assert read("2026-07-01 10:00:00 IST", "ISO8601", "Asia/Kolkata") == "2026-07-01T04:30:00+00:00"


def test_a_time_that_does_not_read_is_not_mended_by_leaving_out_its_zone() -> None:
    assert read("2026-07-41 10:00:00 XQZT", "%Y-%m-%d %H:%M:%S %Z", "UTC") is None
    assert read("opened", "%Y-%m-%d %H:%M:%S %Z", "UTC") is None


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Asia/Shanghai"]
    ),
)
def test_a_zone_s_own_abbreviations_are_read_back(time: datetime, zone: str) -> None:
    local = time.replace(microsecond=0).astimezone(ZoneInfo(zone))
    if local.tzname() is None or find_offset(local.tzname() or "", zone) != local.utcoffset():
        return  # the zone has given the name to another offset since

    assert read(local.strftime("%Y-%m-%d %H:%M:%S %Z"), "%Y-%m-%d %H:%M:%S %Z", zone) == (
        local.astimezone(UTC).isoformat()
    )


@given(
    st.integers(2001, 2090),
    st.integers(-20 * 3600, 20 * 3600),
    st.integers(-20 * 3600, 20 * 3600),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"]),
)
def test_the_year_is_found_around_new_year_both_ways_in_any_zone(
    year: int, line: int, record: int, zone: str
) -> None:
    midnight = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    time, recorded = midnight + timedelta(seconds=line), midnight + timedelta(seconds=record)
    if time - recorded > timedelta(hours=23):
        return  # a line that far ahead of its record is believed to be last year's
    text = time.astimezone(ZoneInfo(zone)).strftime("%b %d %H:%M:%S")

    assert read(text, "%b %d %H:%M:%S", zone, recorded.isoformat()) == time.isoformat(timespec="seconds")

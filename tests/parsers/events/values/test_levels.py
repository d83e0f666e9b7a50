"""One scale for the levels of all loggers."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.events.values.levels import (
    SEVERITIES,
    add_fixed_level,
    add_levels,
    load_scale,
    scale_level,
    scale_levels,
)
from parsers.events.values.syslog_priority import FACILITIES, LEVELS, SYSLOG_SEVERITIES, add_priority


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("trace", "V VERBOSE FINEST FINER TRC silly 10"), ("debug", "D dbug DEBUG5 FINE CONFIG d2 20"),
        ("info", "I Information INF informational 30"), ("notice", "Note System NOTIFICATION"),
        ("warn", "W WARNING Warn wrn 40"), ("error", "E ERR SEVERE fail erro 50"), ("critical", "CRIT dpanic Fault C"),
        ("alert", "ALERT"), ("emergency", "emerg EMERGENCY 600"), ("fatal", "F FTL PANIC A fata 60"),
    ],
)  # fmt: skip
def test_words_of_many_loggers(level: str, words: str) -> None:
    scaled, severities = scale_levels(pl.Series(words.split()))

    assert scaled.to_list() == [level] * len(words.split())
    assert severities.to_list() == [SEVERITIES[level]] * len(words.split())


def test_log_of_postgresql_stays_and_has_a_severity() -> None:
    assert [column.to_list() for column in scale_levels(pl.Series(["LOG"]))] == [["log"], [9]]


def test_an_unknown_word_stays_in_lower_case_without_a_severity() -> None:
    scaled, severities = scale_levels(pl.Series(["STATEMENT", " [Hint] ", "3", "eRRor ", "  ", None]))

    assert scaled.to_list() == ["statement", "hint", "3", "error", None, None]
    assert severities.to_list() == [None, None, None, 17, None, None]


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=8), st.sampled_from(sorted(load_scale().meanings))), min_size=1
    )
)
def test_scaling_again_changes_nothing(levels: list[str | None]) -> None:
    once = scale_levels(pl.Series(levels, dtype=pl.String))
    twice = scale_levels(once[0])

    assert [column.to_list() for column in twice] == [column.to_list() for column in once]


@given(st.sampled_from(sorted(load_scale().meanings)))
def test_case_does_not_count(word: str) -> None:
    swapped = "".join(letter.upper() if at % 2 else letter for at, letter in enumerate(word))

    scaled, _ = scale_levels(pl.Series([word, word.upper(), word.title(), swapped]))

    assert set(scaled) == {scale_level(word)[0]}


def test_the_scale_is_ordered() -> None:
    assert list(SEVERITIES.values()) == sorted(SEVERITIES.values())


def test_a_severity_that_the_rule_captured_stays() -> None:
    frame = pl.DataFrame({"log.level": ["WARN", "WARN"], "event.severity": [7, None]})

    assert add_levels(frame)["event.severity"].to_list() == [7, 13]


def test_a_fixed_level_fills_only_what_is_missing() -> None:
    frame = add_levels(pl.DataFrame({"log.level": ["ERROR", "odd", None]}))

    filled = add_fixed_level(frame, "Warning")

    assert filled["log.level"].to_list() == ["error", "odd", "warn"]
    assert filled["event.severity"].to_list() == [17, None, 13]


@given(st.integers(0, 191))
def test_a_priority_is_facility_times_eight_and_severity(priority: int) -> None:
    row = add_priority(pl.DataFrame({"log.syslog.priority": [priority]})).row(0, named=True)

    assert row["log.syslog.facility.code"] * 8 + row["log.syslog.severity.code"] == priority
    assert row["log.syslog.facility.name"] == FACILITIES[priority // 8]
    assert row["log.syslog.severity.name"] == SYSLOG_SEVERITIES[priority % 8]
    assert (row["log.level"], row["event.severity"]) == (
        LEVELS[priority % 8],
        SEVERITIES[LEVELS[priority % 8]],
    )


def test_a_level_of_the_line_wins_over_the_priority() -> None:
    captured = pl.DataFrame({"log.syslog.priority": [34, 34, 34], "log.level": ["WARN", "odd", None]})

    frame = add_priority(add_levels(captured))

    assert frame["log.level"].to_list() == ["warn", "odd", "critical"]
    assert frame["event.severity"].to_list() == [13, None, 18]


def test_priorities_that_cannot_be_say_nothing() -> None:
    frame = pl.DataFrame({"log.syslog.priority": [192, -1, 999, None, 13]})

    assert add_priority(frame[:4]).equals(frame[:4])
    assert add_priority(frame)["log.syslog.severity.code"].to_list() == [None, None, None, None, 5]
    assert add_priority(frame)["log.syslog.priority"].to_list() == [192, -1, 999, None, 13]


def test_codes_without_a_priority_get_their_names() -> None:
    frame = add_priority(
        pl.DataFrame({"log.syslog.severity.code": [3, 9], "log.syslog.facility.code": [4, 24]})
    )

    assert frame["log.level"].to_list() == ["error", None]
    assert frame["log.syslog.facility.name"].to_list() == ["auth", None]


def test_names_without_codes_get_them() -> None:
    frame = pl.DataFrame(
        {
            "log.syslog.priority": [None, None, 13],
            "log.syslog.facility.name": ["daemon", "shop", None],
            "log.syslog.severity.name": ["err", "odd", None],
        },
        schema_overrides={"log.syslog.priority": pl.Int64},
    )

    together, alone = add_priority(frame), add_priority(frame[:2])

    assert together["log.level"].to_list() == ["error", None, "notice"]
    assert together["log.syslog.severity.code"].to_list() == [3, None, 5]
    assert together["log.syslog.facility.code"].to_list() == [3, None, 1]
    assert together["log.syslog.severity.name"].to_list() == ["err", "odd", "notice"]
    assert alone.select(together.columns).equals(together[:2])

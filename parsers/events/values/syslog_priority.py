"""What a syslog priority says: facility and severity by code and name, and the level of lines that name none."""

from collections.abc import Sequence

import polars as pl

from parsers.events.columns import fill_from, find_texts
from parsers.events.values.levels import SEVERITIES, scale_levels

HIGHEST_PRIORITY = 191
# RFC 5424, 6.2.1, table 1; the names are those of syslog.conf.
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "security", "console", "solaris-cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
)  # fmt: skip
# RFC 5424, 6.2.1, table 2.
SYSLOG_SEVERITIES = (
    "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
)  # fmt: skip
# The same eight on the scale of `log.level`.
LEVELS = ("emergency", "alert", "critical", "error", "warn", "notice", "info", "debug")

PRIORITY = "log.syslog.priority"
FACILITY = "log.syslog.facility"
SEVERITY = "log.syslog.severity"


def add_priority(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds what `log.syslog.priority`, or facility and severity by code or name, say to a rule's captures.

    `log.syslog.facility` and `log.syslog.severity` get `code` (Int64) and `name`, and where the rule found no
    `log.level`, the severity gives it, and `event.severity`. What was captured stays. Priorities above 191, facilities
    above 23, severities above 7 and names that syslog does not know say nothing. Frames without any of these come
    back as they are.
    """
    priority = _find_codes(frame, PRIORITY, HIGHEST_PRIORITY)
    facility = _coalesce(
        _find_codes(frame, f"{FACILITY}.code", len(FACILITIES) - 1),
        None if priority is None else priority // 8,
        _find_named(frame, f"{FACILITY}.name", FACILITIES),
    )
    severity = _coalesce(
        _find_codes(frame, f"{SEVERITY}.code", len(LEVELS) - 1),
        None if priority is None else priority % 8,
        _find_named(frame, f"{SEVERITY}.name", LEVELS),
    )
    new: dict[str, pl.Series] = {}
    if facility is not None:
        new[f"{FACILITY}.code"], new[f"{FACILITY}.name"] = facility, _look_up(facility, FACILITIES)
    if severity is not None:
        numbers = _look_up(severity, [SEVERITIES[level] for level in LEVELS])
        if "log.level" in frame.columns:
            # An unknown word has no severity, and must not get another's.
            numbers = numbers.set(frame["log.level"].is_not_null(), None)
        new[f"{SEVERITY}.code"], new[f"{SEVERITY}.name"] = severity, _look_up(severity, SYSLOG_SEVERITIES)
        new["log.level"], new["event.severity"] = _look_up(severity, LEVELS), numbers
    return frame.with_columns(_fill(frame, name, column) for name, column in new.items()) if new else frame


def _find_codes(frame: pl.DataFrame, name: str, highest: int) -> pl.Series | None:
    """The numbers of a column that can be, as Int64; None where there is none."""
    codes = frame.get_column(name, default=None)
    if codes is None or codes.dtype != pl.Int64:
        return None
    codes = codes.set(~codes.is_between(0, highest), None)
    return None if codes.null_count() == len(codes) else codes


def _find_named(frame: pl.DataFrame, name: str, known: Sequence[str]) -> pl.Series | None:
    """The places in `known` of a column's names, of severities also of their synonyms; None where there is none."""
    texts = find_texts(frame, name)
    if texts is None or texts.null_count() == len(texts):
        return None
    names = scale_levels(texts)[0] if known is LEVELS else texts.str.to_lowercase()
    places = {word: place for place, word in enumerate(known)}
    found = names.replace_strict(places, default=None, return_dtype=pl.Int64)
    return None if found.null_count() == len(found) else found


def _coalesce(*columns: pl.Series | None) -> pl.Series | None:
    found = [column for column in columns if column is not None]
    if not found:
        return None
    first = found[0]
    for column in found[1:]:
        first = fill_from(first, column)
    return first


def _look_up(codes: pl.Series, values: Sequence[str] | Sequence[int]) -> pl.Series:
    return pl.Series(values).gather(codes)


def _fill(frame: pl.DataFrame, name: str, column: pl.Series) -> pl.Series:
    if name in frame.columns:
        captured = frame[name]
        column = fill_from(captured, column.cast(captured.dtype, strict=False))
    return column.alias(name)

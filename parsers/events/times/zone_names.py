"""What the name of a time zone says: offsets, abbreviations, IANA names."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

_OFFSET = re.compile(r"^(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})?$")
# RFC 5322 section 4.3 names, and the European ones that logs hold; other abbreviations name several zones.
ZONE_ABBREVIATIONS = {
    "UTC": "+00:00", "GMT": "+00:00", "Z": "+00:00", "WET": "+00:00", "WEST": "+01:00", "BST": "+01:00",
    "CET": "+01:00", "CEST": "+02:00", "EET": "+02:00", "EEST": "+03:00", "MSK": "+03:00", "JST": "+09:00",
    "EST": "-05:00", "EDT": "-04:00", "CST": "-06:00", "CDT": "-05:00", "MST": "-07:00", "MDT": "-06:00",
    "PST": "-08:00", "PDT": "-07:00",
}  # fmt: skip
# Winter and summer, now and some years ago: zones change their rules, and their names with them.
_MOMENTS = tuple(datetime(year, month, 1, tzinfo=UTC) for year in (2026, 2016) for month in (1, 7))


def read_offset(name: str) -> timedelta | None:
    """`+02:00`, `-0330`, `UTC`, `CET` -> the offset from UTC; None for IANA names."""
    found = _OFFSET.match(ZONE_ABBREVIATIONS.get(name, name))
    if not found:
        return None
    shift = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return -shift if found[1] == "-" else shift


@cache
def is_zone(name: str) -> bool:
    """Whether a name is a time zone that can be used: an offset, a common abbreviation or an IANA name."""
    shift = read_offset(name)
    if shift is not None:
        return abs(shift) < timedelta(hours=24) and timezone(shift) is not None
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=4096)
def find_offset(name: str, zone: str) -> timedelta | None:
    """The offset that an abbreviation means to a machine in `zone`.

    What the zone itself calls so (`CST` in Asia/Shanghai, `IST` in Asia/Kolkata), else the common meaning; None where
    there is none, so that the time is one of the zone.
    """
    if read_offset(zone) is None and is_zone(zone):
        place = ZoneInfo(zone)
        for moment in _MOMENTS:
            local = moment.astimezone(place)
            if local.tzname() == name:
                return local.utcoffset()
    return read_offset(name.upper())


def replace_names(
    texts: pl.Series, pattern: str, zones: pl.Series | str | None, default_zone: str
) -> tuple[pl.Series, pl.Series]:
    """Turns the zone names in texts into offsets.

    Args:
        texts: times as texts.
        pattern: finds the name, its only group.
        zones: the rows' zones, null where nobody names one, or that of all rows; None: nobody names any.
        default_zone: for those.

    Returns:
        Two series of the same height. Plain: the texts without their name where it tells no offset, else null. Named:
        the texts with `+0200` in place of the name, as they are where it tells no offset or there is no name.
    """
    names = texts.str.extract(pattern)
    if isinstance(zones, pl.Series):
        known = zones.fill_null(default_zone)
    else:
        known = pl.Series([zones or default_zone]).new_from_index(0, len(texts))
    plain, named = pl.repeat(None, len(texts), dtype=pl.String, eager=True), texts
    pairs = pl.DataFrame({"name": names, "zone": known})
    for name, zone in pairs.drop_nulls("name").unique().iter_rows():
        rows = ((names == name) & (known == zone)).fill_null(False)
        offset = find_offset(name, zone)
        if offset is None:
            plain = texts.str.replace(rf" ?{re.escape(name)}(\s|$)", "${1}").zip_with(rows, plain)
        else:
            word = to_offset_text(offset) + "${1}"
            named = texts.str.replace(rf"{re.escape(name)}(\s|$)", word).zip_with(rows, named)
    return plain, named


def to_offset_text(offset: timedelta) -> str:
    """`+0530`; seconds, which zones of the nineteenth century had, are left out."""
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"

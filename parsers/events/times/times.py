"""Reads the times of events.

A year or zone that a line lacks comes from the event's own record, never from a clock, so that a replay
gives the same document.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import polars as pl

from parsers.events.times.zone_names import is_zone, read_offset, replace_names
from parsers.model import Timestamp

UTC_MILLISECONDS = pl.Datetime("ms", "UTC")
# A record is written after the line's time; clocks and zones differ by less than a day.
PLAUSIBLE_LEAD = timedelta(days=1)
# Where the day, and the year, begins first: there it is the next one for so long before UTC.
EASTERNMOST = timedelta(hours=14)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMED_FORMATS = ("ISO8601", "UNIX", "UNIX_MS", "UNIX_US", "UNIX_NS")
_UNIX_TO_MILLISECONDS = {"UNIX": 1000.0, "UNIX_MS": 1.0, "UNIX_US": 1e-3, "UNIX_NS": 1e-6}
_ISO_FORMATS = ("%+", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")
# How a zone's name stands in a time: what `%Z` reads.
_NAME_AT_END = r"([A-Za-z]{1,6}|[+-]\d\d(?:\d\d)?)\s*$"
_NAME_INSIDE = r":\d\d(?:[.,]\d+)?(?: ?[AaPp][Mm])? ?([A-Za-z]{1,6}|[+-]\d\d(?:\d\d)?)(?:\s|$)"
_ISO_NAME = r"T[0-9:.]+([A-Za-z]{2,6})$"
_ISO_NORMAL_FORMATS = ("%+", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d")
# Below this many rows a search for repeated texts costs more than it saves.
REPEATED_ROWS = 1000
# chrono reads two digits as a year of the first century; POSIX asks for four, and a later form may fit.
_FIRST_YEAR = -30_610_224_000_000
# Records of later years, whose times are nonsense, take the long way.
_LAST_REFERENCE = 250_000_000_000_000
_LEAP_YEAR = 2024
LEAD_MILLISECONDS = PLAUSIBLE_LEAD // timedelta(milliseconds=1)
# The zone of all rows, that of each row, or none.
Zones: TypeAlias = pl.Series | str | None


def parse_times(
    texts: pl.Series, spec: Timestamp, reference: pl.Series, zones: pl.Series | None, default_zone: str
) -> pl.Series:
    """The instants that the texts name.

    Args:
        texts: String series of n rows, null where the event has no time.
        spec: formats in the order they are tried, and the zone of times that name none.
        reference: Int64, the records' own times in epoch milliseconds, n rows; supplies missing years.
        zones: String, zone of each record (`event.timezone`), or None.
        default_zone: for rows without any zone.

    Returns:
        Datetime(ms, UTC) of n rows, null where no format reads the text.
    """
    known: Zones = spec.timezone if isinstance(spec.timezone, str) else zones
    if texts.null_count() == len(texts):
        return _nothing(len(texts))
    # A batch is mostly of one form: what a first look at all rows leaves unread is looked at once more.
    result = _parse_form(texts, spec.formats[0], reference, known, default_zone)
    for form in spec.formats[1:]:
        if result.null_count() == texts.null_count():
            break
        rows = _find_unread(texts, result)
        read = _parse_form(texts[rows], form, reference[rows], _take(known, rows), default_zone)
        result = result.scatter(rows, read)
    return result


def _parse_form(
    texts: pl.Series, form: str, reference: pl.Series, zones: Zones, default_zone: str
) -> pl.Series:
    if form in _UNIX_TO_MILLISECONDS:
        return _parse_unix(texts, form)
    if form == "ISO8601":
        return _parse_iso(texts, zones, default_zone)
    if "%Z" in form:
        return _parse_named_zone(texts, form, reference, zones, default_zone)
    return _parse_strptime(texts, to_chrono(form), reference, zones, default_zone)


def _parse_named_zone(
    texts: pl.Series, form: str, reference: pl.Series, zones: Zones, default_zone: str
) -> pl.Series:
    """Zone names become offsets, read as `%z`; one that tells no offset is taken out, so that the row's zone counts."""
    plain, named = replace_names(
        texts, _NAME_AT_END if form.endswith("%Z") else _NAME_INSIDE, zones, default_zone
    )
    result = _parse_strptime(named, to_chrono(form.replace("%Z", "%z")), reference, zones, default_zone)
    if plain.null_count() == len(plain):
        return result
    rows = _find_unread(plain, result)
    if rows.is_empty():
        return result
    short = to_chrono(form.replace(" %Z", "").replace("%Z", ""))
    read = _parse_strptime(plain[rows], short, reference[rows], _take(zones, rows), default_zone)
    return result.scatter(rows, read)


def _parse_unix(texts: pl.Series, form: str) -> pl.Series:
    whole = texts.cast(pl.Int64, strict=False)
    if form == "UNIX":
        exact = whole * 1000
    else:
        exact = whole // {"UNIX_MS": 1, "UNIX_US": 1_000, "UNIX_NS": 1_000_000}[form]
    fractional = (texts.cast(pl.Float64, strict=False) * _UNIX_TO_MILLISECONDS[form]).round(0)
    fractional = fractional.cast(pl.Int64, strict=False)
    milliseconds = exact.zip_with(exact.is_not_null(), fractional)
    # Elasticsearch reads years of four digits; anything outside is no time of a log line.
    plausible = milliseconds.is_between(-62_135_596_800_000, 253_402_300_799_999)
    return milliseconds.set(~plausible, None).cast(UTC_MILLISECONDS)


def _parse_iso(texts: pl.Series, zones: Zones, default_zone: str) -> pl.Series:
    first = _find_first(texts)
    has_comma = "," in first
    if has_comma:
        texts, first = texts.str.replace(",", ".", literal=True), first.replace(",", ".", 1)
    result = _try_formats(texts, first, zones, default_zone)
    if result.null_count() == texts.null_count():
        return result
    if not has_comma and texts.str.contains(",", literal=True).any():
        texts = texts.str.replace(",", ".", literal=True)
        rows = _find_unread(texts, result)
        read = _try_formats(texts[rows], first, _take(zones, rows), default_zone)
        result = result.scatter(rows, read)
        if result.null_count() == texts.null_count():
            return result
    rows = (texts.str.contains(r"^\s*\d{4}[-/.]\d\d") & result.is_null()).arg_true()
    if rows.is_empty():
        return result
    normal = (
        texts[rows]
        .str.strip_chars()
        .str.replace(r"^(\d{4})[/.](\d\d)[/.](\d\d)", "${1}-${2}-${3}")
        .str.replace(r"^(\d{4}-\d\d-\d\d)[ _t]+", "${1}T")
        .str.replace(r" ?(?:UTC|GMT|z)$", "Z")
        .str.replace_all(" ", "", literal=True)
        .str.replace(r"(T[0-9:.]+[+-]\d\d)$", "${1}:00")
    )
    return result.scatter(rows, _parse_normal(normal, _take(zones, rows), default_zone))


def _parse_normal(normal: pl.Series, zones: Zones, default_zone: str) -> pl.Series:
    """Times with a T between day and time of day, and a zone's offset, Z, name or nothing at the end."""
    first = _find_first(normal)
    read = _try_formats(normal, first, zones, default_zone, _ISO_NORMAL_FORMATS)
    if read.null_count() and normal.str.contains(_ISO_NAME).any():
        plain, named = replace_names(normal, _ISO_NAME, zones, default_zone)
        normal = plain.zip_with(plain.is_not_null(), named)
        read = _try_formats(normal, _find_first(normal), zones, default_zone, _ISO_NORMAL_FORMATS)
    return read


def _try_formats(
    texts: pl.Series, first: str, zones: Zones, default_zone: str, forms: Sequence[str] = _ISO_FORMATS
) -> pl.Series:
    # The form that reads the first text goes first. Any order gives the same answer.
    ordered = sorted(forms, key=lambda form: _guess_order(first, form))
    result = _to_utc(_strptime(texts, ordered[0]), zones, default_zone)
    for form in ordered[1:]:
        if result.null_count() == texts.null_count():
            break
        rows = _find_unread(texts, result)
        read = _to_utc(_strptime(texts[rows], form), _take(zones, rows), default_zone)
        result = result.scatter(rows, read)
    return result


def _guess_order(text: str, form: str) -> bool:
    """Sorts a form that reads times of the text's look before others."""
    has_zone = text.endswith("Z") or "+" in text or "-" in text[10:]
    return (form == "%+") != has_zone or ("T" in form) != ("T" in text)


def to_chrono(form: str) -> str:
    """A strptime format in the words of chrono, which Polars reads: `.%f` is a fraction of any length."""
    return form.replace(".%f", "%.f").replace(",%f", "%.f").replace(",%3f", "%.3f")


def has_year(form: str) -> bool:
    """Whether a strptime format names the year."""
    return any(word in form for word in ("%Y", "%y", "%G", "%g", "%s", "%+", "%c", "%D", "%F", "%x"))


def _parse_strptime(
    texts: pl.Series, form: str, reference: pl.Series, zones: Zones, default_zone: str
) -> pl.Series:
    read = _read_strptime(texts, form, reference, zones, default_zone)
    if read.null_count() == texts.null_count() or not ("%z" in form or "%.f" in form or "%.3f" in form):
        return read
    rows = _find_unread(texts, read)
    # chrono reads neither `Z` nor a space before a zone for `%z`, and no comma before a fraction.
    mended = (
        texts[rows]
        .str.replace(r"(\d),(\d)", "${1}.${2}")
        .str.replace(r" ?Z$", "+0000")
        .str.replace(r" ([+-]\d\d:?\d\d)", "${1}")
    )
    form = form.replace(" %z", "%z")
    again = _read_strptime(mended, form, reference[rows], _take(zones, rows), default_zone)
    return read.scatter(rows, again)


def _read_strptime(
    texts: pl.Series, form: str, reference: pl.Series, zones: Zones, default_zone: str
) -> pl.Series:
    if has_year(form):
        return _to_utc(_strptime(texts, form), zones, default_zone)
    return _parse_without_year(texts, form, reference, zones, default_zone)


def _strptime(texts: pl.Series, form: str) -> pl.Series:
    read = texts.str.to_datetime(form, strict=False, time_unit="ms")
    if "%Y" in form:
        earliest = read.cast(pl.Int64).min()
        if isinstance(earliest, int) and earliest < _FIRST_YEAR:
            return read.set(read.cast(pl.Int64) < _FIRST_YEAR, None)
    return read


def _strptime_repeated(texts: pl.Series, form: str) -> pl.Series:
    """As `_strptime`, for forms that chrono reads slowly and texts that often repeat: whole seconds in a busy log."""
    if len(texts) < REPEATED_ROWS:
        return _strptime(texts, form)
    distinct = texts.unique()
    if len(distinct) > len(texts) // 2:
        return _strptime(texts, form)
    known = pl.DataFrame({"text": distinct, "time": _strptime(distinct, form)})
    return texts.to_frame("text").join(known, on="text", how="left", nulls_equal=True, maintain_order="left")[
        "time"
    ]


def _parse_without_year(
    texts: pl.Series, form: str, reference: pl.Series, zones: Zones, default_zone: str
) -> pl.Series:
    """The latest instant with that day and time that is at most a day after the record's own time.

    31 December read on 1 January is last year's; 1 January stamped by a fast clock on 31 December is next
    year's. Half a day where the line names the time of day only. Four years back are tried, for 29 February.
    """
    has_day = any(word in form for word in ("%d", "%e", "%j"))
    result = _nothing(len(texts))
    if has_day:
        quick = _parse_in_one_year(texts, form, reference, zones, default_zone)
        if quick is not None:
            return quick
        if not any(word in form for word in ("%a", "%A")):
            # A text that is no time even in a leap year is none in any: six years would be tried in vain.
            fits = _strptime(pl.Series([f"{_LEAP_YEAR} "]) + texts, f"%Y {form}")
            if fits.null_count() == len(fits):
                return result
            if fits.null_count() > texts.null_count():
                texts = texts.set(fits.is_null(), None)
    limit = reference.cast(UTC_MILLISECONDS) + (PLAUSIBLE_LEAD if has_day else timedelta(hours=12))
    latest = limit + EASTERNMOST
    years = latest.dt.year()
    for back in range(6):
        rows = (texts.is_not_null() & result.is_null() & reference.is_not_null()).arg_true()
        if rows.is_empty():
            break
        if has_day:
            dates = (years[rows] - back).cast(pl.String)
            full = "%Y "
        else:
            dates = (latest[rows] - timedelta(days=back)).dt.strftime("%Y-%m-%d")
            full = "%Y-%m-%d "
        dated = pl.select(pl.concat_str([dates, texts[rows]], separator=" ")).to_series()
        read = _to_utc(_strptime_repeated(dated, full + form), _take(zones, rows), default_zone)
        read = read.set(read > limit[rows], None)
        result = result.scatter(rows, read)
    return result


def _parse_in_one_year(
    texts: pl.Series, form: str, reference: pl.Series, zones: Zones, default_zone: str
) -> pl.Series | None:
    """`_parse_without_year` for records that are all of one year, whose lines' times are before theirs; else None."""
    earliest, latest = reference.min(), reference.max()
    if not isinstance(earliest, int) or not isinstance(latest, int) or reference.null_count():
        return None
    if earliest < 0 or latest > _LAST_REFERENCE:
        return None
    years = {_find_year(time + LEAD_MILLISECONDS) for time in (earliest, latest)}
    if len(years) > 1:
        return None
    dated = pl.Series([f"{years.pop()} "]) + texts
    read = _to_utc(_strptime_repeated(dated, "%Y " + form), zones, default_zone)
    newest = read.cast(pl.Int64).max()
    is_past = isinstance(newest, int) and newest <= earliest + LEAD_MILLISECONDS
    return read if is_past and read.null_count() == texts.null_count() else None


def _find_year(milliseconds: int) -> int:
    return (_EPOCH + timedelta(milliseconds=milliseconds) + EASTERNMOST).year


def _to_utc(times: pl.Series, zones: Zones, default_zone: str) -> pl.Series:
    """Times with a zone are in UTC already; others are read in their row's zone."""
    assert isinstance(times.dtype, pl.Datetime)
    if times.dtype.time_zone is not None:
        if times.dtype.time_zone != "UTC":
            times = times.dt.convert_time_zone("UTC")
        return times.cast(UTC_MILLISECONDS)
    if zones is None:
        return _localize(times, default_zone)
    if isinstance(zones, str):
        return _localize(times, zones, default_zone)
    names = zones.fill_null(default_zone) if zones.null_count() else zones
    if names.n_unique() == 1:
        return _localize(times, names[0], default_zone)
    result = _nothing(len(times))
    for name in names.unique().to_list():
        rows = (names == name).arg_true()
        result = result.scatter(rows, _localize(times[rows], name, default_zone))
    return result


def _localize(times: pl.Series, name: str, default_zone: str = "UTC") -> pl.Series:
    if not is_zone(name):
        # A shipper's zone that nobody knows is worth less than the operator's default.
        name = default_zone
    shift = read_offset(name)
    if shift is not None:
        return ((times - shift) if shift else times).cast(UTC_MILLISECONDS)
    local = times.dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
    if local.null_count() == times.null_count():
        return local.dt.convert_time_zone("UTC").cast(UTC_MILLISECONDS)
    # A local time that the clocks skipped is read as if they had not.
    skipped = (times - timedelta(hours=1)).dt.replace_time_zone(
        name, ambiguous="earliest", non_existent="null"
    )
    local = local.zip_with(local.is_not_null(), skipped + timedelta(hours=1))
    return local.dt.convert_time_zone("UTC").cast(UTC_MILLISECONDS)


def _nothing(height: int) -> pl.Series:
    return pl.Series([None], dtype=UTC_MILLISECONDS).new_from_index(0, height)


def _find_first(texts: pl.Series) -> str:
    """The first text that is not null; there is one."""
    first = texts[0]
    return str(texts.drop_nulls()[0] if first is None else first)


def _find_unread(texts: pl.Series, times: pl.Series) -> pl.Series:
    """The rows that have a text and no time yet."""
    unread = times.is_null()
    return (unread & texts.is_not_null() if texts.null_count() else unread).arg_true()


def _take(zones: Zones, rows: pl.Series) -> Zones:
    return zones[rows] if isinstance(zones, pl.Series) else zones

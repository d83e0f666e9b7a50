"""Reads the times of events.

A year or zone that a line lacks comes from the event's own record, never from a clock, so that a replay
gives the same document.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from parsers.events.times.zone_names import is_zone, read_offset, replace_names
from parsers.model import Timestamp

UTC_MILLISECONDS = pl.Datetime("ms", "UTC")
# A record is written after the line's time; clocks and zones differ by less than a day.
PLAUSIBLE_LEAD = timedelta(days=1)
# Where the day, and the year, begins first: there it is the next one for so long before UTC.
EASTERNMOST = timedelta(hours=14)
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
FIRST_YEAR = 1000


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
    result = pl.repeat(None, len(texts), dtype=UTC_MILLISECONDS, eager=True)
    pending = texts.is_not_null()
    for form in spec.formats:
        rows = pending.arg_true()
        if rows.is_empty():
            break
        zone = None if zones is None else zones.gather(rows)
        if isinstance(spec.timezone, str):
            zone = pl.repeat(spec.timezone, len(rows), dtype=pl.String, eager=True)
        read = _parse_form(texts.gather(rows), form, reference.gather(rows), zone, default_zone)
        if len(rows) == len(texts):
            result = read
        else:
            result = result.scatter(rows, read)
        pending = texts.is_not_null() & result.is_null()
    return result


def _parse_form(
    texts: pl.Series, form: str, reference: pl.Series, zones: pl.Series | None, default_zone: str
) -> pl.Series:
    if form in _UNIX_TO_MILLISECONDS:
        return _parse_unix(texts, form)
    if form == "ISO8601":
        return _parse_iso(texts, zones, default_zone)
    if "%Z" in form:
        return _parse_named_zone(texts, form, reference, zones, default_zone)
    return _parse_strptime(texts, to_chrono(form), reference, zones, default_zone)


def _parse_named_zone(
    texts: pl.Series, form: str, reference: pl.Series, zones: pl.Series | None, default_zone: str
) -> pl.Series:
    """Zone names become offsets, read as `%z`; one that tells no offset is taken out, so that the row's zone counts."""
    plain, named = replace_names(
        texts, _NAME_AT_END if form.endswith("%Z") else _NAME_INSIDE, zones, default_zone
    )
    result = _parse_strptime(named, to_chrono(form.replace("%Z", "%z")), reference, zones, default_zone)
    rows = (plain.is_not_null() & result.is_null()).arg_true()
    if rows.is_empty():
        return result
    zone = None if zones is None else zones.gather(rows)
    short = to_chrono(form.replace(" %Z", "").replace("%Z", ""))
    read = _parse_strptime(plain.gather(rows), short, reference.gather(rows), zone, default_zone)
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


def _parse_iso(texts: pl.Series, zones: pl.Series | None, default_zone: str) -> pl.Series:
    if texts.str.contains(",", literal=True).any():
        texts = texts.str.replace(",", ".", literal=True)
    result = _try_formats(texts, _ISO_FORMATS, zones, default_zone)
    rows = (texts.str.contains(r"^\s*\d{4}[-/.]\d\d") & result.is_null()).arg_true()
    if rows.is_empty():
        return result
    normal = (
        texts.gather(rows)
        .str.strip_chars()
        .str.replace(r"^(\d{4})[/.](\d\d)[/.](\d\d)", "${1}-${2}-${3}")
        .str.replace(r"^(\d{4}-\d\d-\d\d)[ _t]+", "${1}T")
        .str.replace(r" ?(?:UTC|GMT|z)$", "Z")
        .str.replace_all(" ", "", literal=True)
        .str.replace(r"(T[0-9:.]+[+-]\d\d)$", "${1}:00")
    )
    zone = None if zones is None else zones.gather(rows)
    read = _try_formats(normal, _ISO_NORMAL_FORMATS, zone, default_zone)
    if read.null_count() and normal.str.contains(_ISO_NAME).any():
        plain, named = replace_names(normal, _ISO_NAME, zone, default_zone)
        normal = plain.zip_with(plain.is_not_null(), named)
        read = _try_formats(normal, _ISO_NORMAL_FORMATS, zone, default_zone)
    return result.scatter(rows, read)


def _try_formats(
    texts: pl.Series, forms: Sequence[str], zones: pl.Series | None, default_zone: str
) -> pl.Series:
    result = pl.repeat(None, len(texts), dtype=UTC_MILLISECONDS, eager=True)
    # A batch is mostly of one form; the one that reads its first text goes first. Any order gives the same answer.
    sample = texts.drop_nulls().head(1)
    for form in sorted(forms, key=lambda form: _strptime(sample, form).null_count()):
        rows = (texts.is_not_null() & result.is_null()).arg_true()
        if rows.is_empty():
            break
        read = _strptime(texts.gather(rows), form)
        zone = None if zones is None else zones.gather(rows)
        result = result.scatter(rows, _to_utc(read, zone, default_zone))
    return result


def to_chrono(form: str) -> str:
    """A strptime format in the words of chrono, which Polars reads: `.%f` is a fraction of any length."""
    return form.replace(".%f", "%.f").replace(",%f", "%.f").replace(",%3f", "%.3f")


def has_year(form: str) -> bool:
    """Whether a strptime format names the year."""
    return any(word in form for word in ("%Y", "%y", "%G", "%g", "%s", "%+", "%c", "%D", "%F", "%x"))


def _parse_strptime(
    texts: pl.Series, form: str, reference: pl.Series, zones: pl.Series | None, default_zone: str
) -> pl.Series:
    read = _read_strptime(texts, form, reference, zones, default_zone)
    rows = (texts.is_not_null() & read.is_null()).arg_true()
    if rows.is_empty() or not ("%z" in form or "%.f" in form or "%.3f" in form):
        return read
    # chrono reads neither `Z` nor a space before a zone for `%z`, and no comma before a fraction.
    mended = (
        texts.gather(rows)
        .str.replace(r"(\d),(\d)", "${1}.${2}")
        .str.replace(r" ?Z$", "+0000")
        .str.replace(r" ([+-]\d\d:?\d\d)", "${1}")
    )
    zone = None if zones is None else zones.gather(rows)
    form = form.replace(" %z", "%z")
    return read.scatter(rows, _read_strptime(mended, form, reference.gather(rows), zone, default_zone))


def _read_strptime(
    texts: pl.Series, form: str, reference: pl.Series, zones: pl.Series | None, default_zone: str
) -> pl.Series:
    if has_year(form):
        return _to_utc(_strptime(texts, form), zones, default_zone)
    return _parse_without_year(texts, form, reference, zones, default_zone)


def _strptime(texts: pl.Series, form: str) -> pl.Series:
    read = texts.str.to_datetime(form, strict=False, time_unit="ms")
    if "%Y" in form:
        # chrono reads two digits as a year of the first century; POSIX asks for four, and a later form may fit.
        early = (read.dt.year() < FIRST_YEAR).fill_null(False)
        return read.set(early, None) if early.any() else read
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
    texts: pl.Series, form: str, reference: pl.Series, zones: pl.Series | None, default_zone: str
) -> pl.Series:
    """The latest instant with that day and time that is at most a day after the record's own time.

    31 December read on 1 January is last year's; 1 January stamped by a fast clock on 31 December is next
    year's. Half a day where the line names the time of day only. Four years back are tried, for 29 February.
    """
    has_day = any(word in form for word in ("%d", "%e", "%j"))
    limit = reference.cast(UTC_MILLISECONDS) + (PLAUSIBLE_LEAD if has_day else timedelta(hours=12))
    latest = limit + EASTERNMOST
    years = latest.dt.year()
    result = pl.repeat(None, len(texts), dtype=UTC_MILLISECONDS, eager=True)
    for back in range(6):
        rows = (texts.is_not_null() & result.is_null() & reference.is_not_null()).arg_true()
        if rows.is_empty():
            break
        zone = None if zones is None else zones.gather(rows)
        if has_day:
            dates = (years.gather(rows) - back).cast(pl.String)
            full = "%Y "
        else:
            dates = (latest.gather(rows) - timedelta(days=back)).dt.strftime("%Y-%m-%d")
            full = "%Y-%m-%d "
        dated = pl.select(pl.concat_str([dates, texts.gather(rows)], separator=" ")).to_series()
        read = _to_utc(_strptime_repeated(dated, full + form), zone, default_zone)
        read = read.set(read > limit.gather(rows), None)
        result = result.scatter(rows, read)
    return result


def _to_utc(times: pl.Series, zones: pl.Series | None, default_zone: str) -> pl.Series:
    """Times with a zone are in UTC already; others are read in their row's zone."""
    assert isinstance(times.dtype, pl.Datetime)
    if times.dtype.time_zone is not None:
        return times.dt.convert_time_zone("UTC").cast(UTC_MILLISECONDS)
    if zones is None:
        return _localize(times, default_zone)
    names = zones.fill_null(default_zone)
    distinct = names.unique().to_list()
    if len(distinct) == 1:
        return _localize(times, distinct[0], default_zone)
    result = pl.repeat(None, len(times), dtype=UTC_MILLISECONDS, eager=True)
    for name in distinct:
        rows = (names == name).arg_true()
        result = result.scatter(rows, _localize(times.gather(rows), name, default_zone))
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

"""The last resort for lines that no rule knows: the time, the level and the program, where their form leaves no doubt.

Guesses are made from the head of a line alone and leave out what could be something else: a wrong time does more
harm than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from parsers.events.prepare import HEAD
from parsers.events.times.times import PLAUSIBLE_LEAD, UTC_MILLISECONDS, parse_times
from parsers.events.values.levels import add_levels
from parsers.model import Timestamp

# A time is looked for in so many characters; the level and the program may stand behind it.
TIME_WITHIN = 96
LEVEL_WITHIN = 120
PROGRAM_WITHIN = 160
# A bare number is a time only when it names an instant of these years before its record.
NUMBER_AGE = timedelta(days=3653)

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"\d\d:\d\d:\d\d"
# Not inside a longer number, word, version or path.
_BEFORE = r"^.{0,64}?(?:^|[^0-9A-Za-z._/:+-])"
_AFTER = r"(?:[^0-9A-Za-z]|$)"
_WORDS = (
    "trace|debug|info|information|notice|warn|warning|err|error"
    "|crit|critical|severe|fatal|panic|alert|emerg|emergency"
)
# Of two orders of day and month the plausible one counts, and of two plausible ones the later.
_SLASHED = tuple(
    f"%{first}/%{second}/%Y{comma} %H:%M:%S{fraction}"
    for fraction in ("", ".%f")
    for comma in ("", ",")
    for first, second in ("md", "dm")
)
_COMPACT = (
    "%Y%m%dT%H%M%S%z", "%Y%m%dT%H%M%S", "%Y%m%d %H%M%S", "%Y%m%d-%H%M%S",
    "%Y%m%d %H:%M:%S.%f", "%Y%m%d-%H:%M:%S.%f", "%Y%m%dT%H:%M:%S.%f",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeForm:
    """A way to write a time: the pattern whose first group is its text, and the formats that read it.

    `is_nearest`: all formats are tried and the latest plausible instant counts, for orders of day and month that
    look alike. `is_number`: only instants near the record count.
    """

    pattern: str
    formats: tuple[str, ...]
    is_nearest: bool = False
    is_number: bool = False


TIME_FORMS = (
    TimeForm(
        rf"{_BEFORE}(\d{{4}}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d(?::\d\d(?:[.,]\d{{1,9}})?)?"
        rf"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?){_AFTER}",
        ("ISO8601",),
    ),
    TimeForm(
        rf"{_BEFORE}(\d{{1,2}}/{_MONTH}/\d{{4}}:{_CLOCK} [+-]\d{{4}}){_AFTER}", ("%d/%b/%Y:%H:%M:%S %z",)
    ),
    TimeForm(
        rf"{_BEFORE}(\d{{1,2}}/{_MONTH}/\d{{4}}[: ]{_CLOCK}){_AFTER}",
        ("%d/%b/%Y:%H:%M:%S", "%d/%b/%Y %H:%M:%S"),
    ),
    TimeForm(rf"{_BEFORE}({_DAY} {_MONTH} [ \d]\d {_CLOCK} \d{{4}}){_AFTER}", ("%a %b %e %H:%M:%S %Y",)),
    TimeForm(
        rf"{_BEFORE}({_DAY} {_MONTH} [ \d]\d {_CLOCK}\.\d{{1,9}} \d{{4}}){_AFTER}",
        ("%a %b %e %H:%M:%S.%f %Y",),
    ),
    TimeForm(
        rf"{_BEFORE}({_DAY} {_MONTH} [ \d]\d {_CLOCK} (?:UTC|GMT) \d{{4}}){_AFTER}",
        ("%a %b %e %H:%M:%S %Z %Y",),
    ),
    TimeForm(
        rf"{_BEFORE}(?:{_DAY}, )?(\d{{1,2}} {_MONTH} \d{{4}} {_CLOCK} [+-]\d{{4}}){_AFTER}",
        ("%d %b %Y %H:%M:%S %z",),
    ),
    TimeForm(
        rf"{_BEFORE}(\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}} {_CLOCK}(?:[.,]\d{{1,9}})?){_AFTER}",
        ("%d-%b-%Y %H:%M:%S.%f", "%d-%b-%Y %H:%M:%S", "%d %b %Y %H:%M:%S.%f", "%d %b %Y %H:%M:%S"),
    ),
    TimeForm(
        rf"{_BEFORE}({_MONTH} \d{{1,2}},? \d{{4}},? {_CLOCK}){_AFTER}",
        ("%b %d %Y %H:%M:%S", "%b %d, %Y %H:%M:%S", "%b %d, %Y, %H:%M:%S"),
    ),
    TimeForm(
        rf"{_BEFORE}({_MONTH} [ \d]?\d {_CLOCK}(?:\.\d{{1,9}})?){_AFTER}",
        ("%b %e %H:%M:%S", "%b %e %H:%M:%S.%f"),
    ),
    TimeForm(
        rf"{_BEFORE}(\d\d/\d\d/\d{{4}},? {_CLOCK}(?:\.\d{{1,9}})?){_AFTER}",
        _SLASHED,
        is_nearest=True,
    ),
    TimeForm(
        rf"{_BEFORE}(\d\d[.-]\d\d[.-]\d{{4}} {_CLOCK}(?:[.,]\d{{1,9}})?){_AFTER}",
        ("%d.%m.%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f", "%d-%m-%Y %H:%M:%S.%f"),
    ),
    TimeForm(
        rf"{_BEFORE}((?:19|20)\d{{6}}[T -]\d{{6}}(?:Z|[+-]\d{{4}})?"
        rf"|(?:19|20)\d{{6}}[T -]{_CLOCK}(?:[.,]\d{{1,9}})?){_AFTER}",
        _COMPACT,
    ),
    TimeForm(rf"^[\[(<]?({_CLOCK}(?:[.,]\d{{1,9}})?)[\])>]?(?:[ |,:-]|$)", ("%H:%M:%S.%f", "%H:%M:%S")),
    TimeForm(r"^[\[(<]?(1\d{9}(?:\.\d{1,9})?)[\])>]?(?:[ |,:]|$)", ("UNIX",), is_number=True),
    TimeForm(r"^[\[(<]?(1\d{12})[\])>]?(?:[ |,:]|$)", ("UNIX_MS",), is_number=True),
)

# From the surest to the least sure: named, in brackets, in capitals, before a colon at the line's beginning.
LEVEL_PATTERNS = (
    rf"(?i)\b(?:level|severity|lvl|loglevel)[=:] ?[\"'\[]?({_WORDS})\b",
    rf"(?i)[\[(<|] ?({_WORDS}) *[\])>|]",
    rf"(?:^|[\s|,;:\]])({_WORDS.upper()})(?:[|,;:\])]|\s+[^\s/]|\s*$)",
    rf"(?i)^[^A-Za-z]{{0,32}}({_WORDS}): ",
)
_PROGRAM = r"(?:^|\s)(?P<name>/?[A-Za-z_][\w./@-]{0,63})\[(?P<pid>[1-9]\d{0,9})\]: "


def guess_fields(frame: pl.DataFrame, default_timezone: str = "UTC") -> pl.DataFrame:
    """Adds `@timestamp`, `log.level` (with `event.severity`), `process.name` and `.pid` where the head shows them.

    Args:
        frame: rows of events that no rule took: `_head`, `_time` (epoch milliseconds, may be null), and what the record
            knows. Fields that are there already keep their values.
        default_timezone: for times whose line and record name no zone.

    Returns:
        The same rows. `@timestamp` is never more than a day after its record, nor before 1970; `process.*` is only
        guessed for `program[pid]: ` at the line's beginning or behind its time.
    """
    heads = frame[HEAD]
    times = guess_times(heads, frame, default_timezone)
    fields = [times.alias("@timestamp"), guess_levels(heads).alias("log.level")]
    found = heads.str.slice(0, PROGRAM_WITHIN).str.extract_groups(_PROGRAM).struct.unnest()
    sure = times.is_not_null() | heads.str.contains("^" + _PROGRAM.removeprefix(r"(?:^|\s)"))
    names = found["name"].set(~sure, None).str.extract(r"([^/]+)$")
    fields.append(names.alias("process.name"))
    fields.append(found["pid"].set(~sure, None).cast(pl.Int64).alias("process.pid"))
    return add_levels(_fill_in(frame, fields))


def guess_times(heads: pl.Series, frame: pl.DataFrame, default_timezone: str) -> pl.Series:
    """The instant that each head names, Datetime(ms, UTC); null where none stands out or it is not plausible."""
    heads = heads.str.slice(0, TIME_WITHIN)
    recorded = frame["_time"]
    zones = frame["event.timezone"] if frame.schema.get("event.timezone") == pl.String else None
    result = pl.repeat(None, len(heads), dtype=UTC_MILLISECONDS, eager=True)
    # A line without a digit has no time; one that has it in one form is not looked at for others.
    pending = heads.str.contains(r"\d\d:\d\d|\d{10}|\d{8}")
    for form in TIME_FORMS:
        rows = pending.arg_true()
        if rows.is_empty():
            break
        texts = heads.gather(rows).str.extract(form.pattern, 1)
        if texts.null_count() == len(texts):
            continue
        known = recorded.gather(rows)
        read = _read_form(texts, form, known, None if zones is None else zones.gather(rows), default_timezone)
        result = result.scatter(rows, read)
        pending = pending.scatter(rows, texts.is_null())
    return result


def guess_levels(heads: pl.Series) -> pl.Series:
    """The level word that each head shows, in lower case; null where none stands out."""
    heads = heads.str.slice(0, LEVEL_WITHIN)
    tries = [pl.col("t").str.extract(pattern, 1) for pattern in LEVEL_PATTERNS]
    return heads.to_frame("t").select(pl.coalesce(tries).str.to_lowercase()).to_series()


def _read_form(
    texts: pl.Series, form: TimeForm, recorded: pl.Series, zones: pl.Series | None, default_timezone: str
) -> pl.Series:
    def read(formats: tuple[str, ...]) -> pl.Series:
        times = parse_times(texts, Timestamp("_ts", formats), recorded, zones, default_timezone)
        return times.set(~_is_plausible(times, recorded, form.is_number), None)

    if not form.is_nearest:
        return read(form.formats)
    return pl.select(pl.max_horizontal([read((one,)) for one in form.formats])).to_series()


def _is_plausible(times: pl.Series, recorded: pl.Series, is_number: bool) -> pl.Series:
    known = recorded.cast(UTC_MILLISECONDS)
    late = times > known + PLAUSIBLE_LEAD
    if is_number:
        return (~late & (times > known - NUMBER_AGE)).fill_null(False)
    return ~late.fill_null(False) & (times.dt.timestamp("ms") >= 0).fill_null(False)


def _fill_in(frame: pl.DataFrame, fields: Sequence[pl.Series]) -> pl.DataFrame:
    new = []
    for field in fields:
        if field.null_count() == len(field):
            continue
        known = frame[field.name] if field.name in frame.columns else None
        if known is None or known.dtype != field.dtype:
            if known is None:
                new.append(field)
            continue
        new.append(known.zip_with(known.is_not_null(), field))
    return frame.with_columns(new) if new else frame

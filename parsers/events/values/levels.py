"""Puts the words and numbers of all loggers for a level on one scale, with OpenTelemetry's SeverityNumber.

Sources: OpenTelemetry logs data model (SeverityNumber and its appendix of mappings), RFC 5424 6.2.1, and the manuals
of the loggers named below.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import polars as pl

from parsers.events.columns import fill_from, find_codes, find_texts, plan_codes, put_columns

SEVERITIES: Mapping[str, int] = MappingProxyType(
    {
        "trace": 1,
        "debug": 5,
        "info": 9,
        "notice": 10,
        "warn": 13,
        "error": 17,
        "critical": 18,
        "alert": 19,
        "emergency": 21,
        "fatal": 21,
    }
)
# Words that stay and have a severity all the same: PostgreSQL's LOG goes to syslog as INFO, but in log_min_messages it
# ranks above ERROR, and its users look for it.
_KEPT: Mapping[str, int] = MappingProxyType({"log": SEVERITIES["info"]})
# Compared in lower case.
_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        # FINER and FINEST are words of java.util.logging, Verbose of Windows and Serilog, silly of npm, V of Android.
        "trace": "trc trce trac t trace1 trace2 trace3 trace4 finer finest verbose vrb verb v all silly trivia",
        # CONFIG and FINE of java.util.logging, DEBUG1 to 5 of PostgreSQL, D1 to D5 of MongoDB, dbug of .NET.
        "debug": "dbg dbug debu deb d debug1 debug2 debug3 debug4 debug5 d1 d2 d3 d4 d5 debugging fine config",
        # Normal of Kubernetes, SUCCESS of Loguru.
        "info": "inf i information informational informative info2 info3 info4 normal success",
        # Note and System of MySQL, notification of Oracle and Cisco.
        "notice": "note n noti ntc notic system notification notifications",
        "warn": "warning warnings wrn wrng w warni warnin warn2 warn3 warn4",
        # SEVERE of java.util.logging, fail of .NET, erro of logrus, exception of structlog.
        "error": "err errors erro eror e fail severe sever exception error2 error3 error4",
        # dpanic of zap stands here in OpenTelemetry's table; Fault of macOS.
        "critical": "crit crt cri c criticals dpanic fault",
        "alert": "alerts alrt alr",
        "emergency": "emerg emergencies emrg emer",
        # PANIC of logrus and PostgreSQL, A (assert) of Android, FAILURE: the highest of Blue Gene's.
        "fatal": "f ftl fata fat panic pani pnc a assert failure abort fatal2 fatal3 fatal4",
    }
)
# pino and bunyan write these numbers by default. Python's own (10 DEBUG to 50 CRITICAL) are the same numbers with
# other meanings, but Python's formatters write names unless asked for `levelno`.
# Monolog's are of three digits, Log4j's and Logback's (`level_value`) of four and five.
_NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "trace": "10 5000",
        "debug": "20 100 10000",
        "info": "30 200 20000",
        "notice": "250",
        "warn": "40 300 30000",
        "error": "50 400 40000",
        "critical": "500",
        "alert": "550",
        "emergency": "600",
        "fatal": "60 50000",
    }
)

_NUMBERED: Mapping[str, int] = MappingProxyType({**SEVERITIES, **_KEPT})
_AROUND = " \t[]<>():"


@dataclass(frozen=True, slots=True)
class Scale:
    """The words that are known, in the usual spellings, and what each means: `words` and `severities` by code.

    `codes` finds the codes of texts: see `find_codes`.
    """

    codes: pl.Expr
    words: pl.Series
    severities: pl.Series
    meanings: Mapping[str, str]


@cache
def load_scale() -> Scale:
    """The scale; made once, as all rule sets have the same."""
    meanings = dict(_iterate_meanings())
    spelt = {
        spelling: word
        for text, word in meanings.items()
        for spelling in (text, text.upper(), text.capitalize())
    }
    return Scale(
        plan_codes(pl.Enum(list(spelt))),
        pl.Series(list(spelt.values()), dtype=pl.String),
        pl.Series([_NUMBERED[word] for word in spelt.values()], dtype=pl.Int64),
        MappingProxyType(meanings),
    )


def scale_levels(levels: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The levels on the scale, and their severities.

    Args:
        levels: String, n rows: `WARNING`, `W`, `wrn`, `SEVERE`, `30`, ...

    Returns:
        `log.level` (String): one of the keys of `SEVERITIES`, or `log`; an unknown word in lower case, without
        blanks and brackets around it. `event.severity` (Int64), null for unknown words. Doing it again changes nothing.
    """
    scale = load_scale()
    # An Enum's cast finds the code of a text at a quarter of what changing its case costs.
    codes = find_codes(levels, scale.codes)
    words = scale.words[codes].alias("log.level")
    severities = scale.severities[codes].alias("event.severity")
    if codes.null_count() == levels.null_count():
        return words, severities
    unknown = codes.is_null() & levels.is_not_null()
    found = levels.filter(unknown).unique()
    spelt = found.str.strip_chars(_AROUND).str.to_lowercase()
    meant = pl.Series([scale.meanings.get(text, text) or None for text in spelt], dtype=pl.String)
    words = words.zip_with(~unknown, levels.replace_strict(found, meant, default=None))
    numbers = words.replace_strict(dict(_NUMBERED), default=None, return_dtype=pl.Int64)
    return words.alias("log.level"), severities.zip_with(~unknown, numbers).alias("event.severity")


def scale_level(level: str) -> tuple[str, int | None]:
    """`scale_levels` for one word, such as a rule's fixed value."""
    spelt = level.strip(_AROUND).lower()
    word = load_scale().meanings.get(spelt, spelt)
    return word, _NUMBERED.get(word)


def add_levels(frame: pl.DataFrame) -> pl.DataFrame:
    """Puts a rule's `log.level` on the scale, and adds `event.severity` where the rule has none itself."""
    levels = find_texts(frame, "log.level")
    if levels is None:
        return frame
    words, severities = scale_levels(levels)
    captured = frame.get_column("event.severity", default=None)
    if captured is not None:
        severities = fill_from(captured, severities.cast(captured.dtype))
    return put_columns(frame, [words, severities])


def add_fixed_level(frame: pl.DataFrame, level: str) -> pl.DataFrame:
    """Fills `log.level` where it is null, or missing, with a word, and `event.severity` there likewise."""
    word, severity = scale_level(level)
    if "log.level" not in frame.columns:
        filled, absent = pl.lit(word), pl.lit(True)
    elif frame["log.level"].null_count():
        filled, absent = pl.coalesce("log.level", pl.lit(word)), pl.col("log.level").is_null()
    else:
        return frame
    columns = [filled.alias("log.level")]
    if severity is not None:
        # An unknown word of the line's own has no severity, and must not get that of another.
        number = pl.when(absent).then(pl.lit(severity, dtype=pl.Int64))
        known = pl.coalesce("event.severity", number) if "event.severity" in frame.columns else number
        columns.append(known.alias("event.severity"))
    return frame.with_columns(columns)


def _iterate_meanings() -> Iterator[tuple[str, str]]:
    yield from ((word, word) for word in _KEPT)
    for word in SEVERITIES:
        yield word, word
        for texts in (_SYNONYMS[word], _NUMBERS[word]):
            for text in texts.split():
                yield text, word

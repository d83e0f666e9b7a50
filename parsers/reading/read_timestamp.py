"""The key `timestamp`: which capture is the event's time, how it is written, and in which zone."""

import re
import zoneinfo
from functools import cache

import polars as pl

from parsers.errors import Problem
from parsers.events.times.times import NAMED_FORMATS, parse_times
from parsers.events.times.zone_names import is_zone
from parsers.model import Timestamp, ZoneChoice
from parsers.reading.read_names import check_field, check_glob
from parsers.reading.read_nodes import read_entries, read_pairs, read_text, read_texts, suggest
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode

_DIRECTIVE = re.compile(r"%(\.[369]?f|[369]f|:z|[-_0]?[A-Za-z%])?")
_DIRECTIVES = frozenset("aAbBhdeDfFHIjklmMnpPRStTyYzZ%")
_LONGER_DIRECTIVES = frozenset((".f", "3f", "6f", "9f", ".3f", ".6f", ".9f", ":z"))
_KNOWN = " ".join(
    f"%{word}"
    for word in (*sorted(_DIRECTIVES, key=lambda word: (word.lower(), word)), *sorted(_LONGER_DIRECTIVES))
)


def read_timestamp(node: Node, problems: list[Problem]) -> Timestamp | None:
    """`field` is required; `formats` is one format or a list; `timezone` a zone, or one by another field's value."""
    keys = ("field", "formats", "timezone")
    entries = read_entries(node, keys, "'timestamp'", problems, required=("field",))
    field = read_text(entries["field"].value, "'field'", problems) if "field" in entries else None
    if field is not None and not check_field(field, entries["field"].value.location, problems):
        field = None
    formats: tuple[str, ...] = ()
    if "formats" in entries:
        texts = read_texts(entries["formats"].value, "'formats'", problems)
        formats = tuple(text.text for text in texts if check_format(text, problems))
    zone: str | ZoneChoice | None = None
    if "timezone" in entries:
        value = entries["timezone"].value
        is_choice = isinstance(value, MappingNode)
        zone = read_zone_choice(value, problems) if is_choice else read_timezone(value, problems)
    if field is None:
        return None
    location = entries["field"].value.location
    return Timestamp(field, formats or ("ISO8601",), zone, location)


def check_format(node: ScalarNode, problems: list[Problem]) -> bool:
    """False, and a problem, unless the text is a named format or a strptime form of known directives."""
    text = node.text
    if text in NAMED_FORMATS:
        return True
    if "%" not in text:
        near = suggest(text, NAMED_FORMATS)
        hint = near or "use a strptime form such as '%Y-%m-%d %H:%M:%S', or " + ", ".join(NAMED_FORMATS)
        problems.append(Problem(node.location, f"'{text}' is not a time format", hint))
        return False
    message, hint = _find_mistake(text)
    if message:
        problems.append(Problem(node.location, f"the time format '{text}' {message}", hint))
    return not message


def _find_mistake(text: str) -> tuple[str, str]:
    """What is wrong with a strptime form and how to mend it; two empty texts when nothing is."""
    words: set[str] = set()
    for found in _DIRECTIVE.finditer(text):
        word = found[1] or ""
        if word == "s":
            return "has %s", "use the format UNIX for seconds since 1970"
        if word == "f" and text[: found.start()][-1:] not in (".", ","):
            return "has %f without a dot before it", "write .%f, or %3f, %6f or %9f for that many digits"
        if word not in _LONGER_DIRECTIVES and word.lstrip("-_0") not in _DIRECTIVES:
            wrong = text[found.start() : found.end() + (not word)]
            return f"has the unknown {wrong}", f"known are {_KNOWN}"
        words.add(word.lstrip("-_0"))
    if bool(words & {"I", "l"}) != bool(words & {"p", "P"}):
        return "has only one of hour (%I) and AM or PM (%p)", "use both, or %H for hours up to 23"
    if not words & {"H", "I", "k", "l", "R", "T", "d", "e", "j", "D", "F"}:
        return "names neither a day nor an hour", "write the whole time, such as '%Y-%m-%d %H:%M:%S'"
    if words & {"H", "I", "k", "l"} and "M" not in words:
        return "names an hour without a minute", "add %M"
    return _try_format(text)


@cache
def _try_format(text: str) -> tuple[str, str]:
    """The engine's own verdict: there are forms that it refuses only when it reads. Many rules share few forms."""
    one = pl.Series([""], dtype=pl.String)
    try:
        parse_times(one, Timestamp("time", (text,)), pl.Series([0], dtype=pl.Int64), None, "UTC")
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n", 1)[0].removeprefix("Invalid format string: ").rstrip(".")
        return f"cannot be used: {reason}", "write the whole time, such as '%Y-%m-%d %H:%M:%S'"
    return "", ""


def read_zone_choice(node: Node, problems: list[Problem]) -> ZoneChoice | None:
    """`{from: FIELD, values: {GLOB: ZONE}, default: ZONE}`: the first glob that matches counts; `default` may lack."""
    entries = read_entries(node, ("from", "values", "default"), "'timezone'", problems, ("from", "values"))
    field = read_text(entries["from"].value, "'from'", problems) if "from" in entries else None
    if field is not None and not check_field(field, entries["from"].value.location, problems):
        field = None
    values: dict[str, str] = {}
    for entry in read_pairs(entries["values"].value, "'values'", problems) if "values" in entries else ():
        zone = read_timezone(entry.value, problems)
        if check_glob(entry.key, problems) and zone is not None:
            values[entry.key.text] = zone
    default = read_timezone(entries["default"].value, problems) if "default" in entries else None
    if field is None or not values:
        return None
    return ZoneChoice(field, values, default, entries["from"].value.location)


def read_timezone(node: Node, problems: list[Problem]) -> str | None:
    """An IANA name (`Europe/Berlin`) or an offset (`+02:00`)."""
    text = read_text(node, "'timezone'", problems)
    if text is None or is_zone(text):
        return text
    near = suggest(text, sorted(zoneinfo.available_timezones()))
    hint = near or "use a name such as Europe/Berlin, or an offset such as +02:00"
    problems.append(Problem(node.location, f"'{text}' is not a time zone", hint))
    return None

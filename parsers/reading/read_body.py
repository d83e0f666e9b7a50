"""The key `body`: how a structured body is written, and how much of it becomes fields."""

from collections.abc import Mapping

from parsers.errors import Problem
from parsers.events.bodies.structured_cef import TIME_FORMATS
from parsers.events.bodies.structured_csv import DROPPED
from parsers.events.bodies.structured_windows_xml import TIME_KEY
from parsers.model import Body, Timestamp
from parsers.reading.keys import names_of
from parsers.reading.keys.rule_keys import BODY
from parsers.reading.read_names import check_field
from parsers.reading.read_nodes import read_entries, read_integer, read_text, read_texts
from parsers.reading.yaml_nodes import Entry, Node

BODY_KEYS = names_of(BODY)
# Elasticsearch's own limit on the depth of objects.
MOST_DEPTH = 20
MOST_FIELDS = 10_000
_DEFAULTS = Body()

# Keys that only some formats have.
_OF_FORMATS: Mapping[str, tuple[str, ...]] = {
    "separator": ("csv", "keyvalue"),
    "assign": ("keyvalue",),
    "columns": ("csv",),
    "max_depth": ("json",),
}
# The key that holds the time, in formats that have one.
_TIMES: Mapping[str, Timestamp] = {
    "cef": Timestamp("rt", TIME_FORMATS),
    "leef": Timestamp("devTime", TIME_FORMATS),
    "windows_xml": Timestamp(TIME_KEY),
}


def read_body(entry: Entry | None, format: str | None, place: Node, problems: list[Problem]) -> Body:
    """The options of a body of `format`; `place` is the format's node, for what is missing."""
    entries = read_entries(entry.value, BODY_KEYS, "'body'", problems) if entry is not None else {}
    for key in entries:
        formats = _OF_FORMATS.get(key)
        if formats and format is not None and format not in formats:
            message = f"'{key}' has no meaning for format '{format}'"
            problems.append(Problem(entries[key].key.location, message, "it is for " + ", ".join(formats)))
    body = Body(
        separator=_read_separator(entries, problems),
        assign=_read_assign(entries, problems),
        columns=_read_columns(entries, problems),
        prefix=_read_prefix(entries, problems),
        max_depth=_read_limit(entries, "max_depth", MOST_DEPTH, _DEFAULTS.max_depth, problems),
        max_fields=_read_limit(entries, "max_fields", MOST_FIELDS, _DEFAULTS.max_fields, problems),
    )
    if format == "csv" and "columns" not in entries:
        hint = "name them: 'body: {columns: [a, b.c, _]}'; _ drops one"
        problems.append(Problem(place.location, "format 'csv' has no columns", hint))
    return body


def choose_timestamp(format: str | None) -> Timestamp | None:
    """The time of a rule that has a `format` and says nothing of a time."""
    return _TIMES.get(format or "")


def _read_separator(entries: Mapping[str, Entry], problems: list[Problem]) -> str | None:
    if "separator" not in entries:
        return None
    node = entries["separator"].value
    text = read_text(node, "'separator'", problems)
    if text is None or (not text.strip(" ") and text):
        return None
    mended = text.strip(" ")
    if len(mended) != 1 or mended in "\"'\n\\":
        hint = "write one character, such as ',' or '|'; blanks around it do not matter"
        problems.append(Problem(node.location, f"'separator' cannot be {text!r}", hint))
        return None
    return mended


def _read_assign(entries: Mapping[str, Entry], problems: list[Problem]) -> str:
    if "assign" not in entries:
        return _DEFAULTS.assign
    node = entries["assign"].value
    text = read_text(node, "'assign'", problems)
    if text is None or text == _DEFAULTS.assign:
        return _DEFAULTS.assign
    separated = "separator" in entries and entries["separator"].value
    if not text.strip() or len(text) > 5 or any(letter in "\"'\n\\" for letter in text):
        hint = "write what stands between key and value, such as '=', ':' or '->'"
        problems.append(Problem(node.location, f"'assign' cannot be {text!r}", hint))
        return _DEFAULTS.assign
    if not separated and text != text.strip():
        hint = "name the 'separator' that stands between the pairs, or leave the blanks out"
        problems.append(Problem(node.location, f"'assign' {text!r} has blanks, which part the pairs", hint))
    return text


def _read_columns(entries: Mapping[str, Entry], problems: list[Problem]) -> tuple[str, ...]:
    if "columns" not in entries:
        return ()
    columns: list[str] = []
    for node in read_texts(entries["columns"].value, "'columns'", problems):
        name = node.text
        if name != DROPPED and name in columns:
            problems.append(
                Problem(node.location, f"there are two columns '{name}'", "rename one, or drop it with _")
            )
        elif name == DROPPED or check_field(name, node.location, problems):
            columns.append(name)
    return tuple(columns)


def _read_prefix(entries: Mapping[str, Entry], problems: list[Problem]) -> str | None:
    if "prefix" not in entries:
        return None
    node = entries["prefix"].value
    text = read_text(node, "'prefix'", problems)
    return text if text is not None and check_field(text, node.location, problems) else None


def _read_limit(
    entries: Mapping[str, Entry], key: str, most: int, default: int, problems: list[Problem]
) -> int:
    number = read_integer(entries[key].value, f"'{key}'", problems, 1, most) if key in entries else None
    return default if number is None else number

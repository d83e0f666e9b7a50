"""Structured bodies as a rule's pattern: which keys it wants, and what they are called."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from parsers.ecs import load_field_types
from parsers.events.bodies import structured
from parsers.events.prepare import REST
from parsers.members import name_members
from parsers.model import Body, BodyFormat, Rule
from parsers.patterns.extract import MISSING, Extracted

# Where the keys go that no rule names. `cef.extensions` and `winlog` are the names of Filebeat and Winlogbeat.
PREFIXES: Mapping[BodyFormat, str] = MappingProxyType(
    {
        "json": "json",
        "logfmt": "logfmt",
        "keyvalue": "keyvalue",
        "csv": "csv",
        "cef": "cef.extensions",
        "leef": "leef.attributes",
        "windows_xml": "winlog",
    }
)
# Formats whose bodies may go on in the lines after the first.
OF_LINES: frozenset[BodyFormat] = frozenset(("json", "csv", "windows_xml"))
_READERS: Mapping[BodyFormat, structured.BodyReader] = MappingProxyType(
    {
        "json": structured.read_json_bodies,
        "logfmt": structured.read_logfmt_bodies,
        "keyvalue": structured.read_keyvalue_bodies,
        "csv": structured.read_csv_bodies,
        "cef": structured.read_cef_bodies,
        "leef": structured.read_leef_bodies,
        "windows_xml": structured.read_windows_xml_bodies,
    }
)
# ECS types of fields that may hold an object.
_OBJECTS = ("object", "nested", "flattened")


@dataclass(frozen=True, slots=True)
class BodyExtractor:
    """Reads bodies of one format; `keys` come out under their new names, the first that is there wins.

    `wanted`: the keys, and whether their value may be an object. `is_open`: the lines after the first that belong to
    a body are still to be found, so that a first line that looks like one is taken for it.
    """

    format: BodyFormat
    keys: tuple[tuple[str, str], ...]
    wanted: Mapping[str, bool]
    body: Body
    is_open: bool = False

    @property
    def blankable(self) -> frozenset[str]:
        """Any key may hold nothing."""
        return frozenset(name for _, name in self.keys)

    @property
    def takes_lines(self) -> bool:
        """Whether a body may go on in the lines after the first."""
        return self.format in OF_LINES

    def extract(self, texts: pl.Series) -> Extracted:
        """`columns` holds the renamed keys, the format's own fields, and all other keys as members of an object."""
        bodies = _READERS[self.format](texts, self.wanted, self.body)
        columns: dict[str, pl.Series] = {}

        def put(name: str, column: pl.Series) -> None:
            earlier = columns.get(name)
            if earlier is None or earlier.null_count() == len(earlier):
                columns[name] = column
            elif earlier.null_count():
                columns[name] = earlier.zip_with(earlier.is_not_null(), column)

        for key, name in self.keys:
            if key in bodies.values:
                put(name, bodies.values[key])
            if key in bodies.objects:
                put(name_members(name), bodies.objects[key])
        for name, column in bodies.fields.items():
            put(name, _drop_missing(column))
        prefix = self.body.prefix or PREFIXES[self.format]
        for inner, rest in bodies.rest.items():
            put(name_members(f"{prefix}.{inner}" if inner else prefix), rest)
        frame = pl.DataFrame(
            [column.alias(name) for name, column in columns.items() if column.null_count() < len(column)]
        )
        return Extracted(None if bodies.matched.all() else bodies.matched, None, frame)

    def extract_lines(self, heads: pl.Series, others: pl.Series) -> Extracted:
        """As `extract`, of events of several lines, where `takes_lines`.

        Args:
            heads: the first lines.
            others: the lines after the first, null where there are none.

        Returns:
            A body is looked for in all lines, then in the first alone. Where all lines are the body, the column
            `_rest` is an empty text.
        """
        if others.null_count() == len(others) or not self.takes_lines:
            return self.extract(heads)
        several = others.is_not_null()
        whole = heads.zip_with(~several, heads + "\n" + others.fill_null(""))
        found = self.extract(whole)
        if found.matched is not None and (several & ~found.matched).any():
            # Lines after a body of one line are no part of it.
            whole = whole.zip_with(found.matched, heads)
            several = several & found.matched
            found = self.extract(whole)
        left = pl.Series(REST, [""], dtype=pl.String).new_from_index(0, len(heads)).set(~several, None)
        return Extracted(
            found.matched, None, found.columns.with_columns(left) if several.any() else found.columns
        )


def _drop_missing(column: pl.Series) -> pl.Series:
    # One comparison each costs a fraction of `is_in`.
    for word in MISSING:
        is_missing = column == word
        if is_missing.any():
            column = column.set(is_missing, None)
    return column


def build_body_pattern(rule: Rule) -> str:
    """What may be such a body, in Hyperscan's words; the readers decide."""
    # Behind a syslog header `CEF:` may have been taken for the program's name.
    mark = r"(?:{}: ?)?" if rule.after else r"{}: ?"
    match rule.format:
        case "json":
            return r"^[ \t]*\{[^\n]*$"
        case "logfmt":
            return r"^[A-Za-z_@][A-Za-z0-9_.@/-]*=[^\n]*$"
        case "keyvalue":
            return structured.build_keyvalue_pattern(rule.body)
        case "csv":
            return structured.build_csv_pattern(rule.body)
        case "cef":
            return rf"^{mark.format('CEF')}[0-9]{{1,2}}\|[^\n]*$"
        case "leef":
            return rf"^{mark.format('LEEF')}[12](?:\.[0-9])?\|[^\n]*$"
        case _:
            return r"^[ \t]*(?:<\?xml[^\n]*|<(?:[A-Za-z]+:)?Event(?:[ \t/>][^\n]*)?)$"


def build_body_extractor(rule: Rule, read_on: Iterable[str] = ()) -> BodyExtractor:
    """The extractor of a rule with a `format`.

    Taken out are the keys that the rule renames, those that its time and maps read, and those whose place below the
    prefix (`json.user`) the rule's other keys name, or `read_on`: what the rules after it read.
    """
    assert rule.format is not None
    keys = list(rule.rename.items())
    known = {name for _, name in keys}
    extra = [item.source for item in rule.map]
    if rule.timestamp is not None:
        extra.append(rule.timestamp.field)
    keys.extend((name, name) for name in dict.fromkeys(extra) if name not in known)
    wanted = {key: _may_be_object(rule, name) for key, name in keys}
    prefix = (rule.body.prefix or PREFIXES[rule.format]) + "."
    used = [*extra, *_list_fields(rule), *read_on]
    for name in dict.fromkeys(used):
        key = name.removeprefix(prefix)
        if rule.format == "windows_xml":
            key = key.removeprefix("event_data.").removeprefix("user_data.")
        if name.startswith(prefix) and key not in wanted:
            keys.append((key, name))
            wanted[key] = False
    is_open = rule.format in OF_LINES and rule.multiline is not None
    return BodyExtractor(rule.format, tuple(keys), MappingProxyType(wanted), rule.body, is_open)


def _list_fields(rule: Rule) -> Iterable[str]:
    yield from rule.types
    yield from rule.lower
    yield from rule.trim
    yield from rule.dissect
    yield from (item.source for item in rule.lookup)
    yield from (item.target for item in rule.map)
    yield from (name for name in rule.set if name != "message")


def _may_be_object(rule: Rule, name: str) -> bool:
    """Whether an object may stand at a field: not if the field is a value, scratch, or the text of the time."""
    if name.startswith("_") or name in rule.types or (rule.timestamp and rule.timestamp.field == name):
        return False
    if any(name in (item.source, item.target) for item in rule.map):
        return False
    return load_field_types().get(name, "object") in _OBJECTS

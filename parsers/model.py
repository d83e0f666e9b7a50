"""What a rule file says, as frozen values. Read by every other module here; knows no YAML and no engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"

Status: TypeAlias = Literal["stable", "test", "experimental", "deprecated"]
FieldType: TypeAlias = Literal[
    "keyword", "long", "double", "boolean", "ip", "hex", "list", "bytes",
    "duration", "duration_ns", "duration_us", "duration_ms", "duration_s", "duration_min",
]  # fmt: skip
DissectKind: TypeAlias = Literal["url", "user_agent", "path"]
BodyFormat: TypeAlias = Literal["json", "logfmt", "keyvalue", "csv", "cef", "leef", "windows_xml"]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a rule file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Location("<rules>")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way a line may look: the text as written, and what holds for events that match it.

    `fallback`: tried only on lines that no other pattern took, of this rule or any; for rare forms.
    """

    text: str
    set: Mapping[str, Value] = attribute(default_factory=dict)
    fallback: bool = False
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Which capture holds the event's time and how it is written.

    `formats` are strptime forms, or ISO8601, UNIX, UNIX_MS, UNIX_US, UNIX_NS; the first that reads wins.
    `timezone` is an IANA name or an offset (+02:00) for times that name none, or a choice by another field; None:
    the record's, else the installation's.
    """

    field: str
    formats: tuple[str, ...] = ("ISO8601",)
    timezone: "str | ZoneChoice | None" = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Multiline:
    """When the lines after a matched line belong to the same event (files only; shippers join for Kafka).

    A following line belongs to the event if `continuation` matches it; or, when only `start` is given, if
    `start` does not match it and no rule chooses it but one of last resort. The lines after the first go to `field`.
    """

    continuation: str | None = None
    start: str | None = None
    field: str = "message"
    max_lines: int = 500
    max_bytes: int = 1_048_576
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ValueMap:
    """`target` becomes `values[source]`; what is not listed gives `default`, or stays when that is None."""

    target: str
    source: str
    values: Mapping[str, Scalar]
    default: Scalar = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` must match one of the globs (`*`, `?`, `[a-z]`; case sensitive)."""

    field: str
    globs: tuple[str, ...]
    location: Location = attribute(default=NOWHERE, compare=False)


# Any of these, of each of which all conditions must hold; empty: always.
When: TypeAlias = tuple[tuple[Condition, ...], ...]


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """A zone by the value of `field`: that of the first glob in `values` that matches, else `default`."""

    field: str
    values: Mapping[str, str]
    default: str | None = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """The zone of times that name none, for events that meet `when` and whose rule names no zone."""

    when: When
    timezone: str


@dataclass(frozen=True, slots=True)
class Table:
    """A lookup table as read: rows by key, each with one value a column (None: empty). `digest`: of its content."""

    path: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Scalar, ...]] = attribute(repr=False)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The row of `table` whose key is the value of `source` fills the fields in `to`: table column -> field.

    `path` is the table as written; `table` is None until it is read. `key`: the column that holds the keys, None:
    the first.
    """

    path: str
    source: str
    to: Mapping[str, str]
    key: str | None = None
    table: Table | None = None
    location: Location = attribute(default=NOWHERE, compare=False)


MaskKind: TypeAlias = Literal["email", "ipv4", "ipv6", "card", "token", "custom"]
MaskHow: TypeAlias = Literal["redact", "hash"]


@dataclass(frozen=True, slots=True)
class Mask:
    """What must not get out of an event: values of `kind` that are found in `field` (`*`: any text).

    `pattern` says what a `custom` value looks like. What is found is masked wherever it stands in the event.
    """

    field: str
    kind: MaskKind
    how: MaskHow = "redact"
    pattern: str | None = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Enrichment:
    """A file of `enrich`: fields that are added to all events that meet `when`.

    `lookup` for the kind `lookup`; `database` (a path) and `sources` (fields that hold addresses) for `geoip`.
    """

    name: str
    kind: Literal["lookup", "geoip", "related"]
    when: When = ()
    lookup: Lookup | None = None
    database: str | None = None
    sources: tuple[str, ...] = ()
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Installation:
    """What an installation says of all its events: zones of those whose rule names none, and what is masked.

    `mask_key` makes hashes of masked values those of this installation; without it they can be found by trying.
    """

    timezones: tuple[ZoneRule, ...] = ()
    masks: tuple[Mask, ...] = ()
    mask_key: bytes = attribute(default=b"", repr=False)


NO_INSTALLATION = Installation()


@dataclass(frozen=True, slots=True)
class Body:
    """How a structured body is written, and how much of it becomes fields.

    `separator` stands between the columns of csv and the pairs of keyvalue (None: blanks), `assign` between a key
    and its value. `columns` name csv's columns; `_` drops one. Keys that no rename names go below `prefix` (None:
    where the format puts them). What nests deeper than `max_depth`, and what comes after `max_fields` of those
    keys, is kept as JSON text.
    """

    separator: str | None = None
    assign: str = "="
    columns: tuple[str, ...] = ()
    prefix: str | None = None
    max_depth: int = 20
    max_fields: int = 200


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A line and what the rule set must make of it.

    `expect` maps dotted names to values (a subset of the document unless `exact`); None: this rule must not
    match. `context` holds fields that the record brings along (log.file.path, host.name, ...); `time` is the
    record's own time (ISO 8601), for lines whose time lacks a year.
    """

    line: str
    name: str = ""
    expect: Mapping[str, Value] | None = None
    exact: bool = False
    context: Mapping[str, Value] = attribute(default_factory=dict)
    time: str | None = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One log source: how its lines look, and the ECS document they become."""

    name: str
    dataset: str
    description: str = ""
    status: Status = "stable"
    priority: int = 0
    when: When = ()
    after: tuple[str, ...] = ()
    field: str = "message"
    format: BodyFormat | None = None
    body: Body = Body()
    patterns: tuple[Pattern, ...] = ()
    rename: Mapping[str, str] = attribute(default_factory=dict)
    timestamp: Timestamp | None = None
    types: Mapping[str, FieldType] = attribute(default_factory=dict)
    # What parts the items of the fields whose type is `list`; a comma where nothing is said.
    separators: Mapping[str, str] = attribute(default_factory=dict)
    lower: tuple[str, ...] = ()
    trim: tuple[str, ...] = ()
    dissect: Mapping[str, DissectKind] = attribute(default_factory=dict)
    set: Mapping[str, Value] = attribute(default_factory=dict)
    map: tuple[ValueMap, ...] = ()
    lookup: tuple[Lookup, ...] = ()
    mask: tuple[Mask, ...] = ()
    multiline: Multiline | None = None
    fragments: Mapping[str, str] = attribute(default_factory=dict)
    tests: tuple[RuleTest, ...] = ()
    location: Location = attribute(default=NOWHERE, compare=False)

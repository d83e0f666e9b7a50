"""What a rule file says, as frozen values. Read by every other module here; knows no YAML and no engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"

Status: TypeAlias = Literal["stable", "test", "experimental", "deprecated"]
FieldType: TypeAlias = Literal["keyword", "long", "double", "boolean", "ip"]
BodyFormat: TypeAlias = Literal["json", "logfmt"]


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
    `timezone` is an IANA name or an offset (+02:00) for times that name none; None: the record's, else UTC.
    """

    field: str
    formats: tuple[str, ...] = ("ISO8601",)
    timezone: str | None = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Multiline:
    """When the lines after a matched line belong to the same event (files only; shippers join for Kafka).

    A following line belongs to the event if `continuation` matches it; or, when only `start` is given, if
    `start` does not match it and no rule chooses it. The lines after the first go to `field`.
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
    """`field` must match one of the globs (`*`, `?`, `[a-z]`; case sensitive). All conditions must hold."""

    field: str
    globs: tuple[str, ...]
    location: Location = attribute(default=NOWHERE, compare=False)


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
    when: tuple[Condition, ...] = ()
    after: tuple[str, ...] = ()
    field: str = "message"
    format: BodyFormat | None = None
    patterns: tuple[Pattern, ...] = ()
    rename: Mapping[str, str] = attribute(default_factory=dict)
    timestamp: Timestamp | None = None
    types: Mapping[str, FieldType] = attribute(default_factory=dict)
    set: Mapping[str, Value] = attribute(default_factory=dict)
    map: tuple[ValueMap, ...] = ()
    multiline: Multiline | None = None
    fragments: Mapping[str, str] = attribute(default_factory=dict)
    tests: tuple[RuleTest, ...] = ()
    location: Location = attribute(default=NOWHERE, compare=False)

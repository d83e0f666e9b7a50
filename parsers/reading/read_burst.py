"""One YAML document to one BurstRule; every mistake in it is reported, none stops the reading."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, cast

from parsers.burst_model import MINUTE_MS, BurstFilter, BurstLevel, BurstRule, Comparison
from parsers.ecs import load_field_types
from parsers.errors import Problem
from parsers.model import Location, Scalar
from parsers.reading.read_burst_test import read_burst_tests
from parsers.reading.read_duration import read_duration
from parsers.reading.read_names import check_field, check_glob, check_rule_name
from parsers.reading.read_nodes import (
    describe,
    read_choice,
    read_entries,
    read_integer,
    read_items,
    read_pairs,
    read_text,
    read_texts,
    read_value,
)
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode

BURST_KEYS: Final = (
    "name",
    "type",
    "description",
    "rules",
    "datasets",
    "filter",
    "group_by",
    "timeframe",
    "grace",
    "condition",
    "level",
    "tests",
)
BURST_TYPES: Final = ("frequency",)
LEVELS: Final = ("informational", "low", "medium", "high", "critical")
COMPARISONS: Final = ("gte", "gt", "lte", "lt")

_SECOND: Final = 1_000
_MAX_GROUP: Final = 10
_WILDCARDS: Final = frozenset("*?[")

# What the same thing is called elsewhere, and what is not there yet: a nearest spelling would mislead.
_FOREIGN: Final = {
    "realert": "remove it: every window that meets the condition is one burst",
    "exponential_realert": "remove it: every window that meets the condition is one burst",
    "num_events": "write condition: {gte: ...}",
    "threshold": "write condition: {gte: ...}",
    "query_key": "write group_by: [...]",
    "group-by": "write group_by: [...]",
    "groupby": "write group_by: [...]",
    "timespan": "write timeframe: ...",
    "window": "write timeframe: ...",
    "index": "write datasets: [...]",
    "dataset": "write datasets: [...]",
    "rule": "write rules: [...]",
    "severity": "write level: " + ", ".join(LEVELS),
}
# The document's own: a group's value in them would say something else than the reader expects.
_TAKEN: Final = (
    "@timestamp",
    "message",
    "rule.name",
    "event.kind",
    "event.start",
    "event.end",
    "event.duration",
)


def read_burst_rule(node: Node, problems: list[Problem]) -> tuple[BurstRule | None, Mapping[str, Location]]:
    """The rule in a document, or None when something in it was wrong; and where the parse rules it names are named."""
    before = len(problems)
    if not isinstance(node, MappingNode):
        hint = "write 'name: ...', 'condition: ...'; the documentation shows a whole rule"
        problems.append(
            Problem(node.location, f"a burst rule must be a mapping of keys, not {describe(node)}", hint)
        )
        return None, {}
    entries = read_entries(
        _report_foreign(node, problems), BURST_KEYS, "a burst rule", problems, ("name", "condition")
    )
    text = {key: entry.value for key, entry in entries.items()}
    name = read_text(text["name"], "'name'", problems) if "name" in text else None
    if name is not None:
        check_rule_name(cast(ScalarNode, text["name"]), problems)
    if "type" in text:
        read_choice(text["type"], BURST_TYPES, "'type'", problems)
    rules = read_texts(text["rules"], "'rules'", problems) if "rules" in text else ()
    length = (
        read_duration(text["timeframe"], "'timeframe'", problems, _SECOND) if "timeframe" in text else None
    )
    grace = read_duration(text["grace"], "'grace'", problems) if "grace" in text else None
    level = read_choice(text["level"], LEVELS, "'level'", problems) if "level" in text else None
    rule = BurstRule(
        name=name or "",
        threshold=(_read_condition(text["condition"], problems) if "condition" in text else None) or 1,
        description=(
            read_text(text["description"], "'description'", problems) if "description" in text else ""
        )
        or "",
        rules=tuple(item.text for item in rules if check_rule_name(item, problems)),
        datasets=_read_datasets(text["datasets"], problems) if "datasets" in text else (),
        filter=_read_filter(text["filter"], problems) if "filter" in text else (),
        group_by=_read_group(text["group_by"], problems) if "group_by" in text else (),
        timeframe=length or MINUTE_MS,
        grace=30 * _SECOND if grace is None else grace,
        level=cast(BurstLevel, level or "medium"),
        tests=read_burst_tests(text["tests"], problems) if "tests" in text else (),
        location=node.location,
    )
    sound = all(problem.severity == "warning" for problem in problems[before:])
    return rule if sound else None, {item.text: item.location for item in rules}


def _report_foreign(node: MappingNode, problems: list[Problem]) -> MappingNode:
    kept: list[Entry] = []
    for entry in node.entries:
        hint = _FOREIGN.get(entry.key.text)
        if hint is None:
            kept.append(entry)
        else:
            problems.append(Problem(entry.key.location, f"burst rules have no '{entry.key.text}'", hint))
    return MappingNode(tuple(kept), node.location)


def _read_condition(node: Node, problems: list[Problem]) -> int | None:
    entries = read_entries(node, ("gte", "gt"), "'condition'", problems)
    if len(entries) != 1:
        if isinstance(node, MappingNode) and (entries or not node.entries):
            hint = "write {gte: 10} for ten or more, {gt: 10} for more than ten"
            problems.append(
                Problem(node.location, f"'condition' must have one comparison, not {len(entries)}", hint)
            )
        return None
    ((word, entry),) = entries.items()
    number = read_integer(entry.value, f"'{word}'", problems, minimum=1 if word == "gte" else 0)
    return None if number is None else number + (word == "gt")


def _read_datasets(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    texts = read_texts(node, "'datasets'", problems)
    return tuple(text.text for text in texts if check_glob(text, problems))


def _read_group(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    fields: dict[str, None] = {}
    for item in read_texts(node, "'group_by'", problems):
        if not check_field(item.text, item.location, problems):
            continue
        if item.text in _TAKEN or item.text.startswith(("_", "tailrace.")):
            hint = "group by a field that says where the events come from, such as host.name"
            problems.append(Problem(item.location, f"'group_by' cannot hold '{item.text}'", hint))
        elif item.text in fields:
            problems.append(
                Problem(item.location, f"'group_by' holds '{item.text}' twice", "remove one of them")
            )
        _warn_of_unknown(item.text, item.location, problems)
        fields[item.text] = None
    if len(fields) > _MAX_GROUP:
        problems.append(
            Problem(node.location, f"'group_by' holds {len(fields)} fields; {_MAX_GROUP} are the most")
        )
    return tuple(fields)


def _read_filter(node: Node, problems: list[Problem]) -> tuple[BurstFilter, ...]:
    filters: list[BurstFilter] = []
    for entry in read_pairs(node, "'filter'", problems):
        field, location = entry.key.text, entry.key.location
        if not check_field(field, location, problems):
            continue
        _warn_of_unknown(field, location, problems)
        if isinstance(entry.value, MappingNode):
            filters.append(
                BurstFilter(field, bounds=_read_bounds(field, entry.value, problems), location=location)
            )
        else:
            values, globs = _read_values(field, entry.value, problems)
            filters.append(BurstFilter(field, values, globs, location=location))
    return tuple(filters)


def _read_bounds(field: str, node: MappingNode, problems: list[Problem]) -> dict[Comparison, float]:
    entries = read_entries(node, COMPARISONS, f"the filter for '{field}'", problems)
    if not node.entries:
        problems.append(
            Problem(node.location, f"the filter for '{field}' is empty", "write {gte: 500}, or a list")
        )
    bounds: dict[Comparison, float] = {}
    for word, entry in entries.items():
        number = read_value(entry.value, problems)
        if isinstance(number, bool) or not isinstance(number, int | float):
            message = f"'{word}' must be a number, not {describe(entry.value)}"
            problems.append(Problem(entry.value.location, message))
        else:
            bounds[cast(Comparison, word)] = number
    return bounds


def _read_values(
    field: str, node: Node, problems: list[Problem]
) -> tuple[tuple[Scalar, ...], tuple[str, ...]]:
    values: list[Scalar] = []
    globs: list[str] = []
    what = f"the filter for '{field}'"
    for item in read_items(node, what, problems) if isinstance(node, SequenceNode) else (node,):
        if not isinstance(item, ScalarNode):
            problems.append(
                Problem(item.location, f"{what} cannot hold {describe(item)}", "list values or globs")
            )
            continue
        value = read_value(item, problems)
        if value is None or value == "":
            hint = "a filter names values that a field has; events without the field never match"
            problems.append(Problem(item.location, f"{what} cannot hold {describe(item)}", hint))
        elif isinstance(value, str) and _WILDCARDS & set(value):
            if check_glob(item, problems):
                globs.append(value)
        else:
            values.append(cast(Scalar, value))
    return tuple(values), tuple(globs)


def _warn_of_unknown(field: str, location: Location, problems: list[Problem]) -> None:
    """A misspelt field matches nothing and says nothing, so one that is nearly an ECS field is worth a word."""
    known = load_field_types()
    if field in known:
        return
    near = get_close_matches(field, known, n=1, cutoff=0.88)
    if near and field.count(".") == near[0].count("."):
        hint = f"did you mean '{near[0]}'?"
        problems.append(Problem(location, f"'{field}' is no ECS field", hint, severity="warning"))

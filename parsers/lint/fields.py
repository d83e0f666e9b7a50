"""Fields that ECS knows otherwise, that are never used, or that two rules give different types."""

import difflib
import functools
from collections.abc import Collection, Iterator, Sequence
from types import MappingProxyType

from parsers.ecs import load_field_types
from parsers.errors import Problem
from parsers.events.stock import ReadyPatterns, make_pattern_key
from parsers.events.values.convert import choose_type
from parsers.explain.follow import read_rule_pattern
from parsers.model import Location, Rule

# https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category and its neighbours, ECS 9.5.
_ALLOWED = {
    "event.category": (
        "api", "authentication", "configuration", "database", "driver", "email", "file", "host", "iam",
        "intrusion_detection", "library", "malware", "network", "package", "process", "registry", "session", "threat",
        "vulnerability", "web",
    ),
    "event.type": (
        "access", "admin", "allowed", "change", "connection", "creation", "deletion", "denied", "device", "end",
        "error", "group", "indicator", "info", "installation", "protocol", "start", "user",
    ),
    "event.outcome": ("failure", "success", "unknown"),
}  # fmt: skip
_ECS_TYPES = {
    "long": ("long", "integer", "short", "byte", "unsigned_long"),
    "double": ("double", "float", "half_float", "scaled_float", "long"),
    "boolean": ("boolean",),
    "ip": ("ip",),
}
NONE_READY: ReadyPatterns = MappingProxyType({})
_NAMED_BY_ENGINE = ("@timestamp", "message", "tags", "labels")


def lint_fields(rule: Rule, read: Collection[str] = ()) -> Iterator[Problem]:
    """Warnings on one rule's fields: misspelt ECS names, types that ECS has else, values ECS does not allow, no use.

    `read` are the fields that the rules after this one read.
    """
    known, objects = load_field_types(), list_objects()
    for name, location in _list_fields(rule):
        if name in known or name in _NAMED_BY_ENGINE:
            continue
        if name in objects:
            message = f"'{name}' is an object in ECS and cannot hold a value"
            yield Problem(location, message, f"name a field below it, such as '{name}.name'", "warning")
            continue
        top = name.split(".", 1)[0]
        if "." in name and top in objects:
            near = difflib.get_close_matches(
                name, [field for field in known if field.startswith(f"{top}.")], 1, 0.85
            )
            if near:
                message = f"ECS has no field '{name}'"
                yield Problem(location, message, f"did you mean '{near[0]}'?", "warning")
    for name, kind in rule.types.items():
        expected = known.get(name)
        if expected is not None and kind in _ECS_TYPES and expected not in _ECS_TYPES[kind]:
            message = f"'{name}' is of type {expected} in ECS, not {kind}"
            yield Problem(rule.location, message, "remove it from 'types'", "warning")
    yield from _lint_values(rule)
    yield from _lint_scratch(rule, read)


@functools.cache
def list_objects() -> frozenset[str]:
    """The names below which ECS has fields, such as `source` and `source.geo`."""
    return frozenset(name[:at] for name in load_field_types() for at in range(len(name)) if name[at] == ".")


def lint_conflicts(rules: Sequence[Rule], ready: ReadyPatterns = NONE_READY) -> Iterator[Problem]:
    """An error where rules of one dataset give a field different types: Elasticsearch refuses one of the documents.

    Patterns that are `ready` are not read again.
    """
    first: dict[tuple[str, str], tuple[str, Rule]] = {}
    for rule in rules:
        for name, location in _list_fields(rule, ready):
            kind = choose_type(name, rule.types)
            family = (
                "long"
                if kind.startswith(("duration", "bytes", "hex"))
                else "keyword"
                if kind == "list"
                else kind
            )
            known = first.setdefault((rule.dataset, name), (family, rule))
            if known[0] != family and known[1] is not rule:
                message = (
                    f"'{name}' is {family} here and {known[0]} in rule '{known[1].name}' of the same dataset "
                    f"'{rule.dataset}'"
                )
                yield Problem(location, message, "give it one type in both", "error")


def _list_fields(rule: Rule, ready: ReadyPatterns = NONE_READY) -> Iterator[tuple[str, Location]]:
    scratch = _find_scratch(rule)
    seen: set[str] = set()
    for pattern in rule.patterns:
        known = ready.get(make_pattern_key(pattern.text, rule.fragments)) if ready else None
        names = known.parts.names if known is not None else read_rule_pattern(rule, pattern).names
        for name in (*names, *pattern.set):
            if name not in seen and name not in scratch:
                seen.add(name)
                yield name, pattern.location
    for name in rule.set:
        if name not in seen:
            yield name, rule.location


def _find_scratch(rule: Rule) -> frozenset[str]:
    """Captures that the rule uses up: the time's text, and those whose names say that they are dropped."""
    used = {rule.timestamp.field} if rule.timestamp is not None else set()
    return frozenset(name for name in used if "." not in name)


def _lint_values(rule: Rule) -> Iterator[Problem]:
    for place, fixed in [
        (rule.location, rule.set),
        *((pattern.location, pattern.set) for pattern in rule.patterns),
    ]:
        for name, allowed in _ALLOWED.items():
            value = fixed.get(name)
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, str) and item not in allowed:
                    near = difflib.get_close_matches(item, allowed, 1)
                    hint = f"did you mean '{near[0]}'?" if near else "one of " + ", ".join(allowed)
                    yield Problem(place, f"ECS does not allow '{item}' in {name}", hint, "warning")


def _lint_scratch(rule: Rule, read: Collection[str]) -> Iterator[Problem]:
    """Captures without a dot that nothing uses end as fields of their own at the document's root.

    A name that begins with `_` never reaches a document: its author knows that it is dropped.
    """
    known = load_field_types()
    used = {
        rule.field,
        *(item.source for item in rule.map),
        *(item.target for item in rule.map),
        *rule.dissect,
    }
    if rule.timestamp is not None:
        used.add(rule.timestamp.field)
    seen: set[str] = set()
    for pattern in rule.patterns:
        for name in read_rule_pattern(rule, pattern).names:
            if "." in name or name.startswith("_") or name in known or name in _NAMED_BY_ENGINE:
                continue
            if name in used or name in seen or name in read:
                continue
            seen.add(name)
            message = f"the capture '{name}' is used by nothing and ends up at the document's root"
            hint = f"name an ECS field or one under the program's name, or write (?:…); rule '{rule.name}'"
            yield Problem(pattern.location, message, hint, "warning")

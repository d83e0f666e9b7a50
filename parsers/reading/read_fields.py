"""The keys of a rule that speak of fields: `rename`, `set`, `map`."""

from typing import cast

from parsers.errors import Problem
from parsers.model import Scalar, Value, ValueMap
from parsers.reading.read_names import check_field, check_target
from parsers.reading.read_nodes import (
    describe,
    flatten,
    read_entries,
    read_pairs,
    read_text,
    read_value,
)
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, ScalarNode

_LONG_MAP = ("from", "values", "default")


def read_rename(node: Node, problems: list[Problem]) -> dict[str, str]:
    """A body's own key to the field it becomes. Two keys may become one field: the first present wins."""
    renames: dict[str, str] = {}
    for entry in read_pairs(node, "'rename'", problems):
        target = read_text(entry.value, f"the field for '{entry.key.text}'", problems)
        if target is not None and check_field(target, entry.value.location, problems):
            renames[entry.key.text] = target
    return renames


def read_set(node: Node, problems: list[Problem]) -> dict[str, Value]:
    """Field name to a fixed value; nested mappings become dotted names."""
    values: dict[str, Value] = {}
    for entry in read_pairs(node, "'set'", problems):
        value = read_value(entry.value, problems)
        if value is None:
            problems.append(Problem(entry.value.location, f"'set' gives '{entry.key.text}' no value"))
        elif check_target(entry, problems):
            values.update(flatten({entry.key.text: value}))
    return values


def read_map(node: Node, problems: list[Problem]) -> tuple[ValueMap, ...]:
    """Value maps in order; short form `{value: other}`, long form with `from`, `values`, `default`."""
    found = (_read_value_map(entry, problems) for entry in read_pairs(node, "'map'", problems))
    return tuple(value_map for value_map in found if value_map is not None)


def _read_value_map(entry: Entry, problems: list[Problem]) -> ValueMap | None:
    target = entry.key.text
    sound = check_target(entry, problems)
    what = f"the map for '{target}'"
    if not isinstance(entry.value, MappingNode) or not _is_long(entry.value):
        values = _read_map_values(entry.value, what, problems)
        return ValueMap(target, target, values, location=entry.key.location) if sound and values else None
    entries = read_entries(entry.value, _LONG_MAP, what, problems, required=("values",))
    values = _read_map_values(entries["values"].value, what, problems) if "values" in entries else {}
    source: str | None = target
    if "from" in entries:
        source = read_text(entries["from"].value, "'from'", problems)
        if source is not None and not check_field(source, entries["from"].value.location, problems):
            source = None
    default = _read_scalar(entries["default"].value, "'default'", problems) if "default" in entries else None
    if not sound or source is None or not values:
        return None
    return ValueMap(target, source, values, default, entry.key.location)


def _is_long(node: MappingNode) -> bool:
    nested = any(isinstance(entry.value, MappingNode) for entry in node.entries)
    return nested or (bool(node.entries) and all(entry.key.text in _LONG_MAP for entry in node.entries))


def _read_map_values(node: Node, what: str, problems: list[Problem]) -> dict[str, Scalar]:
    pairs = read_pairs(node, what, problems)
    return {entry.key.text: _read_scalar(entry.value, what, problems) for entry in pairs}


def _read_scalar(node: Node, what: str, problems: list[Problem]) -> Scalar:
    if isinstance(node, ScalarNode):
        return cast(Scalar, read_value(node, problems))
    problems.append(Problem(node.location, f"{what} must hold single values, not {describe(node)}"))
    return None

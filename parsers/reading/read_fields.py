"""The keys of a rule that speak of fields: `when`, `rename`, `types`, `set`, `map`."""

from typing import cast

from parsers.errors import Problem
from parsers.model import Condition, FieldType, Scalar, Value, ValueMap
from parsers.reading.read_names import check_field, check_glob, check_target
from parsers.reading.read_nodes import (
    describe,
    flatten,
    read_choice,
    read_entries,
    read_pairs,
    read_text,
    read_texts,
    read_value,
)
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, ScalarNode

FIELD_TYPES = ("keyword", "long", "double", "boolean", "ip")
_OTHER_TYPES = {
    "int": "long",
    "integer": "long",
    "float": "double",
    "number": "double",
    "string": "keyword",
    "text": "keyword",
    "bool": "boolean",
}
_LONG_MAP = ("from", "values", "default")


def read_when(node: Node, problems: list[Problem]) -> tuple[Condition, ...]:
    """Field name to one glob or a list of them."""
    conditions: list[Condition] = []
    for entry in read_pairs(node, "'when'", problems):
        field = entry.key.text
        known = check_field(field, entry.key.location, problems)
        globs = read_texts(entry.value, f"the glob for '{field}'", problems)
        sound = [glob.text for glob in globs if check_glob(glob, problems)]
        if known and sound:
            conditions.append(Condition(field, tuple(sound), entry.key.location))
    return tuple(conditions)


def read_rename(node: Node, problems: list[Problem]) -> dict[str, str]:
    """A body's own key to the field it becomes. Two keys may become one field: the first present wins."""
    renames: dict[str, str] = {}
    for entry in read_pairs(node, "'rename'", problems):
        target = read_text(entry.value, f"the field for '{entry.key.text}'", problems)
        if target is not None and check_field(target, entry.value.location, problems):
            renames[entry.key.text] = target
    return renames


def read_types(node: Node, problems: list[Problem]) -> dict[str, FieldType]:
    """Field name to type word."""
    types: dict[str, FieldType] = {}
    for entry in read_pairs(node, "'types'", problems):
        field = entry.key.text
        word = _read_type(entry.value, field, problems)
        if check_field(field, entry.key.location, problems) and word is not None:
            types[field] = cast(FieldType, word)
    return types


def _read_type(node: Node, field: str, problems: list[Problem]) -> str | None:
    if isinstance(node, ScalarNode) and node.text in _OTHER_TYPES:
        hint = f"write '{_OTHER_TYPES[node.text]}'"
        problems.append(Problem(node.location, f"the type of '{field}' cannot be '{node.text}'", hint))
        return None
    return read_choice(node, FIELD_TYPES, f"the type of '{field}'", problems)


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

"""The keys of a rule that change values: `types`, `lower`, `trim`, `dissect`."""

from typing import cast, get_args

from parsers.errors import Problem
from parsers.model import DissectKind, FieldType
from parsers.reading.read_names import check_field, check_target
from parsers.reading.read_nodes import describe, read_choice, read_pairs, read_texts
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode

FIELD_TYPES: tuple[str, ...] = get_args(FieldType)
DISSECT_KINDS: tuple[str, ...] = get_args(DissectKind)
_OTHER_TYPES = {
    "int": "long",
    "integer": "long",
    "float": "double",
    "number": "double",
    "string": "keyword",
    "text": "keyword",
    "bool": "boolean",
    "array": "list",
    "size": "bytes",
    "seconds": "duration_s",
    "milliseconds": "duration_ms",
    "duration_m": "duration_min",
    "duration_µs": "duration_us",
}
# The parts lie beside the field, so its own last name must be none of theirs.
_LAST_NAMES: dict[str, tuple[str, ...]] = {
    "url": ("original", "full"),
    "user_agent": ("original",),
    "path": ("path", "target_path", "executable"),
}


def read_types(node: Node, problems: list[Problem]) -> tuple[dict[str, FieldType], dict[str, str]]:
    """Field name to type word, and the separators of the fields that are written `{list: SEPARATOR}`."""
    types: dict[str, FieldType] = {}
    separators: dict[str, str] = {}
    for entry in read_pairs(node, "'types'", problems):
        field = entry.key.text
        sound = check_field(field, entry.key.location, problems)
        if isinstance(entry.value, MappingNode):
            separator = _read_separator(entry.value, field, problems)
            if sound and separator is not None:
                types[field], separators[field] = "list", separator
            continue
        word = _read_type(entry.value, field, problems)
        if sound and word is not None:
            types[field] = cast(FieldType, word)
    return types, separators


def read_fields(node: Node, key: str, problems: list[Problem]) -> tuple[str, ...]:
    """One field name or a list of them, for `lower` and `trim`; a name that is there twice is reported."""
    fields: list[str] = []
    for item in read_texts(node, f"'{key}'", problems):
        if item.text in fields:
            problems.append(Problem(item.location, f"'{key}' names '{item.text}' twice", "remove one"))
        elif check_field(item.text, item.location, problems):
            fields.append(item.text)
    return tuple(fields)


def read_dissect(node: Node, problems: list[Problem]) -> dict[str, DissectKind]:
    """Field name to what it holds: `url`, `user_agent` or `path`."""
    kinds: dict[str, DissectKind] = {}
    for entry in read_pairs(node, "'dissect'", problems):
        field = entry.key.text
        kind = read_choice(entry.value, DISSECT_KINDS, f"what '{field}' holds", problems)
        if not check_target(entry, problems) or kind is None:
            continue
        above, _, last = field.rpartition(".")
        if not above or last not in _LAST_NAMES[kind]:
            names = " or ".join(f"'{above or kind}.{name}'" for name in _LAST_NAMES[kind])
            message = f"'{field}' cannot be dissected: its parts would lie beside it"
            problems.append(Problem(entry.key.location, message, f"capture it as {names}"))
            continue
        kinds[field] = cast(DissectKind, kind)
    return kinds


def _read_type(node: Node, field: str, problems: list[Problem]) -> str | None:
    if isinstance(node, ScalarNode) and node.text in _OTHER_TYPES:
        hint = f"write '{_OTHER_TYPES[node.text]}'"
        problems.append(Problem(node.location, f"the type of '{field}' cannot be '{node.text}'", hint))
        return None
    return read_choice(node, FIELD_TYPES, f"the type of '{field}'", problems)


def _read_separator(node: MappingNode, field: str, problems: list[Problem]) -> str | None:
    hint = "write {list: ';'}, or a type's name alone"
    if len(node.entries) != 1 or node.entries[0].key.text != "list":
        problems.append(
            Problem(node.location, f"the type of '{field}' cannot be a mapping without 'list'", hint)
        )
        return None
    value = node.entries[0].value
    if not isinstance(value, ScalarNode) or not value.text:
        message = f"the separator of '{field}' must be a text, not {describe(value)}"
        problems.append(Problem(value.location, message, hint))
        return None
    return value.text

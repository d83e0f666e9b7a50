"""The members that a rule wants, taken out of one JSON object after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from parsers.events.bodies.structured_json_limits import MEMBERS, to_text

# By key a text (or None) for each row; made when the first row has the key.
Texts: TypeAlias = dict[str, list[str | None]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of the objects of `height` rows."""

    height: int
    values: Texts
    objects: Texts


@dataclass(frozen=True, slots=True)
class WantedKeys:
    """The keys of a rule: those with dots, and by the first part of these the keys with their paths, deepest first."""

    wanted: Mapping[str, bool]
    plain: frozenset[str]
    dotted: frozenset[str]
    nested: Mapping[str, Sequence[tuple[str, list[str]]]]
    parents: frozenset[str]


@lru_cache(maxsize=4096)
def sort_keys(keys: tuple[tuple[str, bool], ...]) -> WantedKeys:
    """The items of a mapping of wanted keys, as rows are looked through for them."""
    wanted = dict(keys)
    dotted = frozenset(key for key in wanted if "." in key)
    nested: dict[str, list[tuple[str, list[str]]]] = {}
    for key in sorted(dotted, key=lambda key: (-key.count("."), key)):
        path = key.split(".")
        nested.setdefault(path[0], []).append((key, path))
    return WantedKeys(
        MappingProxyType(wanted),
        frozenset(wanted) - dotted,
        dotted,
        MappingProxyType(nested),
        frozenset(nested),
    )


def take_row(members: dict[str, Any], row: int, keys: WantedKeys, depth: int, taken: Taken) -> None:
    """Takes the wanted members out of `members`, those of row `row`; what is left are Raw values."""
    # Only what the row has is looked at: rules want a hundred keys, rows hold a few. A member of the very
    # name comes before a nested one, and `log.level` is taken out of `log` before `log` itself. A set's
    # `intersection` with a mapping walks over the mapping; `&` would walk over the hundred keys.
    named = keys.dotted.intersection(members)
    _take_named(members, named, row, keys, depth, taken)
    for name in keys.parents.intersection(members):
        original, has_lost = members[name], False
        for key, path in keys.nested[name]:
            raw = None if key in named else _take(members, path, keys.wanted[key])
            if raw is not None:
                has_lost = True
                target = taken.objects if is_object(raw) else taken.values
                _put(target, key, row, taken.height, to_text(bytes(raw), depth))
        if name in members:
            members[name] = Raw(msgspec.json.encode(members[name])) if has_lost else original
    _take_named(members, keys.plain.intersection(members), row, keys, depth, taken)


def _take_named(
    members: dict[str, Any], names: frozenset[str], row: int, keys: WantedKeys, depth: int, taken: Taken
) -> None:
    for key in names:
        value = bytes(members[key])
        if value[:1] != b"{":
            del members[key]
            _put(taken.values, key, row, taken.height, to_text(value, depth))
        elif keys.wanted[key]:
            del members[key]
            _put(taken.objects, key, row, taken.height, to_text(value, depth))


def _put(columns: Texts, key: str, row: int, height: int, value: str | None) -> None:
    column = columns.get(key)
    if column is None:
        column = columns[key] = [None] * height
    column[row] = value


def is_object(raw: Raw) -> bool:
    """Whether a value is an object."""
    return bytes(raw)[:1] == b"{"


def _take(members: dict[str, Any], path: Sequence[str], takes_object: bool) -> Raw | None:
    """Take a nested member out; an object that is empty then goes too. Objects on the way stay opened, as dicts."""
    inner = _open(members, path[0])
    if inner is None:
        return None
    name = ".".join(path[1:])
    found = inner.get(name)
    if found is None:
        found = _take(inner, path[1:], takes_object) if len(path) > 2 else None
    elif not isinstance(found, dict) and not is_object(found):
        del inner[name]
    elif takes_object:
        del inner[name]
        found = Raw(msgspec.json.encode(found))
    else:
        return None
    if found is not None and not inner:
        del members[path[0]]
    return found


def _open(members: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = members.get(name)
    if isinstance(value, dict):
        return value
    if value is None or not is_object(value):
        return None
    opened: dict[str, Any] = MEMBERS.decode(value)
    members[name] = opened
    return opened

"""Settings that are lists of mappings, as rules write them: `timezones` and `mask`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from parsers.errors import Problem
from parsers.model import Mask, When, ZoneRule
from parsers.reading.read_mask import read_masks
from parsers.reading.read_zones import read_zone_rules
from parsers.reading.yaml_nodes import Node

# By the type of an item.
READERS: Mapping[type, Callable[[Node, list[Problem]], tuple[Any, ...]]] = MappingProxyType(
    {ZoneRule: read_zone_rules, Mask: read_masks}
)


def render_structured(value: tuple[Any, ...]) -> str:
    """YAML, in flow style on one line, that reads back as the same value."""
    return msgspec.json.encode([_to_plain(item) for item in value]).decode()


def _to_plain(item: ZoneRule | Mask) -> dict[str, Any]:
    if isinstance(item, ZoneRule):
        return {"when": _render_when(item.when), "timezone": item.timezone}
    plain = {"field": item.field, "kind": item.kind, "how": item.how}
    return plain if item.pattern is None else {**plain, "pattern": item.pattern}


def _render_when(when: When) -> list[dict[str, list[str]]]:
    return [{condition.field: list(condition.globs) for condition in every} for every in when]

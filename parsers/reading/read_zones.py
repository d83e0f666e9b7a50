"""The setting `timezones`: the zones of times that name none, by what is known of their events."""

from parsers.errors import Problem
from parsers.model import ZoneRule
from parsers.reading.read_nodes import read_entries, read_items
from parsers.reading.read_timestamp import read_timezone
from parsers.reading.read_when import read_when
from parsers.reading.yaml_nodes import Node, SequenceNode


def read_zone_rules(node: Node, problems: list[Problem]) -> tuple[ZoneRule, ...]:
    """A list of `{when: {...}, timezone: ZONE}`; both keys are required. An empty list is none."""
    if isinstance(node, SequenceNode) and not node.items:
        return ()
    rules: list[ZoneRule] = []
    for item in read_items(node, "'timezones'", problems):
        entries = read_entries(item, ("when", "timezone"), "a zone", problems, ("when", "timezone"))
        when = read_when(entries["when"].value, problems) if "when" in entries else ()
        zone = read_timezone(entries["timezone"].value, problems) if "timezone" in entries else None
        if when and zone is not None:
            rules.append(ZoneRule(when, zone))
    return tuple(rules)

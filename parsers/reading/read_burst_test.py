"""The key `tests` of a burst rule: events, and the bursts that must be found in them."""

from typing import Final

from parsers.burst_model import TEST_BASE, BurstEvents, BurstTest, ExpectedBurst
from parsers.errors import Problem
from parsers.model import Value
from parsers.reading.read_duration import read_duration, read_moment
from parsers.reading.read_names import check_field
from parsers.reading.read_nodes import (
    describe,
    flatten,
    read_entries,
    read_integer,
    read_items,
    read_text,
    read_value,
)
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, SequenceNode

_EVENT_KEYS: Final = ("repeat", "every", "at")
_BURST_KEYS: Final = ("count", "start")
_MAX_REPEAT: Final = 100_000


def read_burst_tests(node: Node, problems: list[Problem]) -> tuple[BurstTest, ...]:
    """The tests in order; one that lacks its events or its expectation is reported and left out."""
    found = (_read_test(item, problems) for item in read_items(node, "'tests'", problems))
    return tuple(test for test in found if test is not None)


def _read_test(node: Node, problems: list[Problem]) -> BurstTest | None:
    entries = read_entries(node, ("name", "events", "expect"), "a test", problems, ("events", "expect"))
    name = read_text(entries["name"].value, "'name'", problems) if "name" in entries else None
    if "events" not in entries or "expect" not in entries:
        return None
    events = [
        _read_events(item, problems) for item in read_items(entries["events"].value, "'events'", problems)
    ]
    expected = entries["expect"].value
    # An empty list is a statement here: these events are no burst.
    silent = isinstance(expected, SequenceNode) and not expected.items
    expect = (
        [] if silent else [_read_burst(item, problems) for item in read_items(expected, "'expect'", problems)]
    )
    return BurstTest(
        name or "",
        tuple(item for item in events if item is not None),
        tuple(item for item in expect if item is not None),
        node.location,
    )


def _read_events(node: Node, problems: list[Problem]) -> BurstEvents | None:
    if not isinstance(node, MappingNode):
        hint = "write its fields, such as {log.level: error, host.name: a, repeat: 10, every: 1s}"
        problems.append(
            Problem(node.location, f"an event must be a mapping of fields, not {describe(node)}", hint)
        )
        return None
    own, fields = _split(node, _EVENT_KEYS, problems)
    repeat = (
        read_integer(own["repeat"].value, "'repeat'", problems, 1, _MAX_REPEAT) if "repeat" in own else None
    )
    every = read_duration(own["every"].value, "'every'", problems) if "every" in own else None
    at = read_moment(own["at"].value, "'at'", problems) if "at" in own else None
    return BurstEvents(fields, repeat or 1, every or 0, TEST_BASE if at is None else at, node.location)


def _read_burst(node: Node, problems: list[Problem]) -> ExpectedBurst | None:
    if not isinstance(node, MappingNode):
        hint = "write its group and count, such as {host.name: a, count: 10}, or expect: [] for no burst"
        problems.append(
            Problem(node.location, f"a burst must be a mapping of fields, not {describe(node)}", hint)
        )
        return None
    own, group = _split(node, _BURST_KEYS, problems)
    if "count" not in own:
        problems.append(Problem(node.location, "the burst has no 'count'", "add 'count: ...'"))
        return None
    count = read_integer(own["count"].value, "'count'", problems, minimum=1)
    start = read_moment(own["start"].value, "'start'", problems) if "start" in own else None
    return None if count is None else ExpectedBurst(group, count, start, node.location)


def _split(
    node: MappingNode, keys: tuple[str, ...], problems: list[Problem]
) -> tuple[dict[str, Entry], dict[str, Value]]:
    own = MappingNode(tuple(entry for entry in node.entries if entry.key.text in keys), node.location)
    values: dict[str, Value] = {}
    for entry in node.entries:
        if entry.key.text not in keys and check_field(entry.key.text, entry.key.location, problems):
            values.update(flatten({entry.key.text: read_value(entry.value, problems)}))
    return read_entries(own, keys, "a test", problems), values

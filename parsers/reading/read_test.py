"""The key `tests`: lines with what must become of them."""

from datetime import datetime

from parsers.errors import Problem
from parsers.model import RuleTest, Value
from parsers.reading.read_names import check_field
from parsers.reading.read_nodes import (
    flatten,
    read_boolean,
    read_entries,
    read_items,
    read_pairs,
    read_text,
    read_value,
)
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode

NO_MATCH = "no_match"
_KEYS = ("name", "line", "expect", "exact", "context", "time")


def read_tests(node: Node, problems: list[Problem]) -> tuple[RuleTest, ...]:
    """The tests in order; one that lacks its line or its expectation is reported and left out."""
    found = (_read_test(item, problems) for item in read_items(node, "'tests'", problems))
    return tuple(test for test in found if test is not None)


def _read_test(node: Node, problems: list[Problem]) -> RuleTest | None:
    entries = read_entries(node, _KEYS, "a test", problems, required=("line", "expect"))
    name = read_text(entries["name"].value, "'name'", problems) if "name" in entries else None
    line = _read_line(entries["line"].value, problems) if "line" in entries else None
    exact = read_boolean(entries["exact"].value, "'exact'", problems) if "exact" in entries else None
    context: dict[str, Value] = {}
    if "context" in entries:
        context = _read_fields(entries["context"].value, "'context'", problems)
    time = _read_time(entries["time"].value, problems) if "time" in entries else None
    if "expect" not in entries:
        return None
    expect = _read_expect(entries["expect"].value, problems)
    if line is None:
        return None
    return RuleTest(line, name or "", expect, bool(exact), context, time, node.location)


def _read_line(node: Node, problems: list[Problem]) -> str | None:
    if isinstance(node, ScalarNode):
        return node.text
    return read_text(node, "'line'", problems)


def _read_expect(node: Node, problems: list[Problem]) -> dict[str, Value] | None:
    if not isinstance(node, ScalarNode):
        return _read_fields(node, "'expect'", problems)
    if node.text != NO_MATCH:
        hint = f"list the fields, or write {NO_MATCH} when another rule or none takes the line"
        problems.append(Problem(node.location, f"'expect' cannot be '{node.text}'", hint))
    return None


def _read_fields(node: Node, what: str, problems: list[Problem]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    if isinstance(node, MappingNode) and not node.entries:
        return values
    for entry in read_pairs(node, what, problems):
        if check_field(entry.key.text, entry.key.location, problems):
            values.update(flatten({entry.key.text: read_value(entry.value, problems)}))
    return values


def _read_time(node: Node, problems: list[Problem]) -> str | None:
    text = read_text(node, "'time'", problems)
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        hint = "write ISO 8601, such as '2026-07-01T10:00:00Z'"
        problems.append(Problem(node.location, f"'time' cannot be '{text}'", hint))
        return None
    return text

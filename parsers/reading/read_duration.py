"""Durations and moments in burst rules, to whole milliseconds."""

import re
from datetime import UTC, datetime, timedelta

from parsers.burst_model import TEST_BASE
from parsers.errors import Problem
from parsers.reading.read_nodes import describe, read_entries
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WORDS = {"milliseconds": 1, "seconds": 1_000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}
_TEXT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|m|h|d)")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_duration(
    node: Node, what: str, problems: list[Problem], minimum: int = 0, maximum: int = 86_400_000
) -> int | None:
    """`30s`, `1.5m`, or `{minutes: 1, seconds: 30}` in ms, within the bounds; anything else is reported."""
    if isinstance(node, MappingNode):
        length = _read_words(node, what, problems)
    else:
        length = _parse_text(node.text) if isinstance(node, ScalarNode) else None
        if length is None:
            hint = (
                "write a number with its unit, such as 500ms, 30s, 5m, 1h, or a mapping such as {minutes: 5}"
            )
            problems.append(Problem(node.location, f"{what} must be a duration, not {describe(node)}", hint))
    if length is not None and not minimum <= length <= maximum:
        bounds = f"between {to_duration_text(minimum)} and {to_duration_text(maximum)}"
        problems.append(Problem(node.location, f"{what} must be {bounds}, not {to_duration_text(length)}"))
        return None
    return length


def read_moment(node: Node, what: str, problems: list[Problem]) -> int | None:
    """A moment of a test in epoch ms: a duration after 2026-01-01T00:00:00Z, or an ISO 8601 time (UTC by default)."""
    if isinstance(node, ScalarNode) and not _parse_text(node.text):
        try:
            moment = datetime.fromisoformat(node.text)
        except ValueError:
            moment = None
        if moment is not None:
            known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return (known - _EPOCH) // timedelta(milliseconds=1)
    length = read_duration(node, what, problems, maximum=366 * 86_400_000)
    return None if length is None else TEST_BASE + length


def to_duration_text(length: int) -> str:
    """Milliseconds as people write them, in the largest unit that is whole: `90s`, `1m`."""
    for unit, size in reversed(_UNITS.items()):
        if length % size == 0 and length:
            return f"{length // size}{unit}"
    return "0s"


def _parse_text(text: str) -> int | None:
    found = _TEXT.fullmatch(text)
    return round(float(found[1]) * _UNITS[found[2]]) if found else None


def _read_words(node: MappingNode, what: str, problems: list[Problem]) -> int | None:
    before = len(problems)
    entries = read_entries(node, tuple(_WORDS), what, problems)
    length = 0
    for unit, entry in entries.items():
        value = entry.value
        if not isinstance(value, ScalarNode) or not _NUMBER.fullmatch(value.text):
            problems.append(Problem(value.location, f"'{unit}' must be a number, not {describe(value)}"))
        else:
            length += round(float(value.text) * _WORDS[unit])
    if not node.entries:
        problems.append(Problem(node.location, f"{what} is empty", "give it a duration such as {minutes: 1}"))
    return length if len(problems) == before else None

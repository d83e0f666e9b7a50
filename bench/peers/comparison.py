"""Holds a peer's documents against the reference: no speed counts before this finds nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping

from bench.peers.documents import NUMBERS, TEXTS, TIME
from bench.peers.port import Fields

ORIGINAL = "event.original"


def find_difference(reference: Iterable[Fields], found: Iterable[Fields]) -> str | None:
    """The first difference in words, None if both hold the same documents in whatever order.

    Documents belong together by their line, `event.original`; the reference has one for every line, and equal lines
    have equal fields. Types count: 200 is not "200".
    """
    expected: dict[str, Fields] = {}
    missing: Counter[str] = Counter()
    for fields in reference:
        line = str(fields[ORIGINAL])
        expected[line] = fields
        missing[line] += 1
    for number, fields in enumerate(found, 1):
        line = str(fields.get(ORIGINAL))
        if line not in expected:
            return f"document {number}: {ORIGINAL} is no line of the input: {line!r}"
        if (difference := _find_field(expected[line], fields)) is not None:
            return f"document {number}: {difference}, of the line {line!r}"
        if missing[line] == 0:
            return f"document {number}: it comes more often than its line: {line!r}"
        missing[line] -= 1
    if lost := +missing:
        return f"{lost.total()} documents are missing, the first for the line {next(iter(lost))!r}"
    return None


def _find_field(expected: Mapping[str, str | int], found: Mapping[str, str | int]) -> str | None:
    for name in (*TEXTS, *NUMBERS, TIME):
        want, have = expected.get(name), found.get(name)
        if want != have or type(want) is not type(have):
            return f"{name} is {have!r}, not {want!r}"
    return None

"""The keys `patterns` and `fragments`, and the names that a pattern captures."""

import re
from collections.abc import Iterator, Mapping

from parsers.errors import Problem
from parsers.model import Pattern, Value
from parsers.reading.read_fields import read_set
from parsers.reading.read_names import check_fragment_name
from parsers.reading.read_nodes import read_boolean, read_entries, read_items, read_pairs, read_text
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode

MAX_PATTERN_BYTES = 65_536
_KEYS = ("match", "set", "fallback")

_NAMED_GROUP = re.compile(r"\(\?P?<([^<>=!()]+)>")
_FRAGMENT_USE = re.compile(r"%\{(\w+)(?::([^{}:]+))?(?::\w+)?\}")


def read_patterns(node: Node, problems: list[Problem]) -> tuple[Pattern, ...]:
    """The patterns in order; one text alone is a list of one. A pattern's location is its first character."""
    items = (node,) if isinstance(node, ScalarNode) else read_items(node, "'patterns'", problems)
    found = (_read_pattern(item, problems) for item in items)
    return tuple(pattern for pattern in found if pattern is not None)


def read_fragments(node: Node, problems: list[Problem]) -> dict[str, str]:
    """The rule's own fragments, name to pattern."""
    fragments: dict[str, str] = {}
    for entry in read_pairs(node, "'fragments'", problems):
        if not check_fragment_name(entry.key, problems):
            continue
        text = read_regex(entry.value, f"fragment '{entry.key.text}'", problems)
        if text is not None:
            fragments[entry.key.text] = text
    return fragments


def read_regex(node: Node, what: str, problems: list[Problem]) -> str | None:
    """A pattern's text; its length is checked here, its grammar where the rule set is built."""
    text = read_text(node, what, problems)
    if text is None:
        return None
    # A block scalar brings a newline along that is never meant: a pattern sees one line, which holds none.
    text = text.removesuffix("\n")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_PATTERN_BYTES:
        hint = f"the limit is {MAX_PATTERN_BYTES}; split it, or use fragments"
        problems.append(Problem(node.location, f"{what} is too long: {size} bytes", hint))
        return None
    return text


def find_captures(text: str, fragments: Mapping[str, str]) -> frozenset[str]:
    """The field names that a pattern captures, those inside the fragments it uses included.

    Works on the text alone, so it has an answer for patterns that do not compile as well.
    """
    return frozenset(_iterate_captures(text, fragments, frozenset()))


def _iterate_captures(text: str, fragments: Mapping[str, str], inside: frozenset[str]) -> Iterator[str]:
    for group in _NAMED_GROUP.finditer(text):
        yield group[1]
    for use in _FRAGMENT_USE.finditer(text):
        if use[2]:
            yield use[2]
        if use[1] in fragments and use[1] not in inside:
            yield from _iterate_captures(fragments[use[1]], fragments, inside | {use[1]})


def _read_pattern(node: Node, problems: list[Problem]) -> Pattern | None:
    if isinstance(node, ScalarNode):
        text = read_regex(node, "a pattern", problems)
        return None if text is None else Pattern(text, location=node.start)
    if isinstance(node, MappingNode) and not any(entry.key.text in _KEYS for entry in node.entries):
        hint = "write 'match: ...', or put the pattern in single quotes"
        problems.append(Problem(node.location, "a pattern has no 'match'", hint))
        return None
    entries = read_entries(node, _KEYS, "a pattern", problems, required=("match",))
    fixed: dict[str, Value] = read_set(entries["set"].value, problems) if "set" in entries else {}
    fallback = "fallback" in entries and read_boolean(entries["fallback"].value, "'fallback'", problems)
    if "match" not in entries:
        return None
    match = entries["match"].value
    text = read_regex(match, "'match'", problems)
    if text is None or not isinstance(match, ScalarNode):
        return None
    return Pattern(text, fixed, bool(fallback), match.start)

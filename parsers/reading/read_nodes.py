"""YAML nodes to plain values. A reader appends what is wrong to `problems`, and gives None or leaves it out.

Texts are taken as written, so `no`, `010` and `2026-07-01` stay texts where a text is asked for. Numbers,
booleans and null follow YAML 1.2; numbers on which YAML 1.1 and 1.2 differ are refused.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from parsers.errors import Problem
from parsers.model import Value
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
# 010 is eight in YAML 1.1 and ten in 1.2; 0x1f, 0o17, 0b1, 1_000 are numbers in only one of them.
_DISPUTED_NUMBER = re.compile(r"[-+]?(?:0[0-9_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[1-9][0-9]*(?:_[0-9]+)+)")
_NULLS = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_OLD_BOOLEANS = ("yes", "no", "on", "off")
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?) ?([kmg]?)(i?)b?", re.IGNORECASE)
_SIZE_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


def read_entries(
    node: Node,
    known: Sequence[str],
    what: str,
    problems: list[Problem],
    required: Sequence[str] = (),
) -> dict[str, Entry]:
    """The entries of a mapping by key; `what` names the mapping in messages (`a rule`, `'timestamp'`).

    Reports a node that is no mapping, keys that are not `known` (with the nearest that is), `required` ones
    that are missing, and keys without a value; all these are left out.
    """
    if not isinstance(node, MappingNode):
        problems.append(Problem(node.location, f"{what} must be a mapping of keys, not {describe(node)}"))
        return {}
    entries: dict[str, Entry] = {}
    for entry in node.entries:
        key = entry.key.text
        if key not in known:
            hint = suggest(key, known) or "known keys are " + ", ".join(known)
            problems.append(Problem(entry.key.location, f"unknown key '{key}' in {what}", hint))
        elif is_null(entry.value):
            problems.append(
                Problem(entry.key.location, f"'{key}' has no value", "give it one, or remove the key")
            )
            required = [name for name in required if name != key]
        else:
            entries[key] = entry
    for key in required:
        if key not in entries:
            problems.append(Problem(node.location, f"{what} has no '{key}'", f"add '{key}: ...'"))
    return entries


def read_pairs(node: Node, what: str, problems: list[Problem]) -> tuple[Entry, ...]:
    """The entries of a mapping whose keys are free (field names); reports an empty one or no mapping."""
    if not isinstance(node, MappingNode):
        problems.append(Problem(node.location, f"{what} must be a mapping of keys, not {describe(node)}"))
        return ()
    if not node.entries:
        problems.append(Problem(node.location, f"{what} is empty", "remove it, or fill it"))
    return node.entries


def read_items(node: Node, what: str, problems: list[Problem]) -> tuple[Node, ...]:
    """The items of a list; reports an empty one or no list."""
    if not isinstance(node, SequenceNode):
        problems.append(Problem(node.location, f"{what} must be a list, not {describe(node)}"))
        return ()
    if not node.items:
        problems.append(Problem(node.location, f"{what} is an empty list", "remove it, or fill it"))
    return node.items


def read_text(node: Node, what: str, problems: list[Problem]) -> str | None:
    """A text as written; numbers and booleans are texts here. Reports an empty one, a list and a mapping."""
    if not isinstance(node, ScalarNode):
        hint = "put a text with {, [ or ': ' in it in single quotes"
        problems.append(Problem(node.location, f"{what} must be a text, not {describe(node)}", hint))
        return None
    if not node.text:
        problems.append(Problem(node.location, f"{what} is empty"))
        return None
    return node.text


def read_texts(node: Node, what: str, problems: list[Problem]) -> tuple[ScalarNode, ...]:
    """The nodes of one text or of a list of texts; items that are no texts, and empty ones, are reported."""
    if isinstance(node, MappingNode):
        problems.append(Problem(node.location, f"{what} must be a text or a list of texts, not a mapping"))
        return ()
    items = (node,) if isinstance(node, ScalarNode) else read_items(node, what, problems)
    texts: list[ScalarNode] = []
    for item in items:
        if read_text(item, what, problems) is not None and isinstance(item, ScalarNode):
            texts.append(item)
    return tuple(texts)


def read_choice(node: Node, choices: Sequence[str], what: str, problems: list[Problem]) -> str | None:
    """One of the words in `choices`; another word is reported with the nearest."""
    text = read_text(node, what, problems)
    if text is None or text in choices:
        return text
    hint = suggest(text, choices) or "use one of " + ", ".join(choices)
    problems.append(Problem(node.location, f"{what} cannot be '{text}'", hint))
    return None


def read_integer(
    node: Node, what: str, problems: list[Problem], minimum: int = -(2**31), maximum: int = 2**31 - 1
) -> int | None:
    """A whole number within the bounds."""
    if not isinstance(node, ScalarNode) or not _INTEGER.fullmatch(node.text):
        hint = "write it in decimal digits" if _is_disputed(node) else ""
        problems.append(Problem(node.location, f"{what} must be a whole number, not {describe(node)}", hint))
        return None
    number = int(node.text) if len(node.text) <= 20 else maximum + 1
    if not minimum <= number <= maximum:
        problems.append(
            Problem(node.location, f"{what} must be between {minimum} and {maximum}, not {node.text}")
        )
        return None
    return number


def read_boolean(node: Node, what: str, problems: list[Problem]) -> bool | None:
    """`true` or `false`."""
    if isinstance(node, ScalarNode) and node.plain and node.text in _TRUE + _FALSE:
        return node.text in _TRUE
    problems.append(Problem(node.location, f"{what} must be true or false, not {describe(node)}"))
    return None


def read_size(node: Node, what: str, problems: list[Problem]) -> int | None:
    """A number of bytes: `65536`, `64KB`, `1MB`, `1.5 MiB`; K, M and G are powers of 1024. At least 1."""
    text = node.text if isinstance(node, ScalarNode) else ""
    match = _SIZE.fullmatch(text)
    size = int(float(match[1]) * 1024 ** _SIZE_POWERS[match[2].lower()]) if match else 0
    if size < 1:
        hint = "write a number of bytes, or a size such as 64KB or 1MB"
        problems.append(Problem(node.location, f"{what} must be a size, not {describe(node)}", hint))
        return None
    return size


def read_value(node: Node, problems: list[Problem]) -> Value:
    """Any value: text, number, boolean, null, list or mapping of them. Unquoted times stay as written.

    What YAML versions read differently becomes its text and a problem: `010` is an error, `yes` a warning.
    """
    if isinstance(node, SequenceNode):
        return [read_value(item, problems) for item in node.items]
    if isinstance(node, MappingNode):
        return {entry.key.text: read_value(entry.value, problems) for entry in node.entries}
    if not node.plain:
        return node.text
    text = node.text
    if text in _NULLS:
        return None
    if text in _TRUE + _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text) and len(text) <= 20:
        return int(text)
    if _FLOAT.fullmatch(text) and len(text) <= 40:
        number = float(text)
        return text if number in (float("inf"), float("-inf")) else number
    if _is_disputed(node):
        problems.append(_explain_disputed(node))
    return text


def is_null(node: Node) -> bool:
    """True for nothing at all, `~` and `null`."""
    return isinstance(node, ScalarNode) and node.plain and node.text in _NULLS


def suggest(word: str, known: Sequence[str]) -> str:
    """`did you mean 'x'?` for the nearest of `known`, in either case; an empty text when none is near."""
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean '{lowered[near[0]]}'?" if near else ""


def describe(node: Node) -> str:
    """What a node is, for messages: `a list`, `a mapping`, `nothing`, or the text in quotes, shortened."""
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a mapping"
    if is_null(node):
        return "nothing"
    text = node.text if len(node.text) <= 40 else node.text[:37] + "..."
    return "'" + text.replace("\n", "\\n") + "'"


def flatten(value: Mapping[str, Value]) -> dict[str, Value]:
    """Nested mappings to dotted names: `{a: {b: 1}}` is `{a.b: 1}`. Lists and empty mappings are values."""
    flat: dict[str, Value] = {}
    for name, item in value.items():
        if isinstance(item, dict) and item:
            flat.update({f"{name}.{below}": deeper for below, deeper in flatten(item).items()})
        else:
            flat[name] = item
    return flat


def _is_disputed(node: Node) -> bool:
    if not isinstance(node, ScalarNode) or not node.plain:
        return False
    return bool(_DISPUTED_NUMBER.fullmatch(node.text)) or node.text.lower() in _OLD_BOOLEANS


def _explain_disputed(node: ScalarNode) -> Problem:
    message = f"YAML versions differ on what {node.text} means"
    if node.text.lower() in _OLD_BOOLEANS:
        hint = f"it is read as a text; write '{node.text}' in quotes, or true or false"
        return Problem(node.location, message, hint, "warning")
    return Problem(
        node.location, message, f"write '{node.text}' in quotes for a text, or the number in decimal digits"
    )

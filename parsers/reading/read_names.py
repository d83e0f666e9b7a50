"""The names that rules give to things: rules, datasets, fields, fragments; and the globs of `when`."""

import re

from parsers.errors import Problem
from parsers.events.prepare import RESERVED
from parsers.model import Location
from parsers.reading.yaml_nodes import Entry, ScalarNode

_RULE_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_DATASET = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_FIELD = re.compile(r"@?[A-Za-z_][A-Za-z0-9_@-]*(?:\.[A-Za-z0-9_@-]+)*")
_FRAGMENT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BRACKET = re.compile(r"\[[!^]?\]?[^\]]*\]")

# Tailrace fills these itself; a rule that set them would make documents that cannot be traced or routed.
_RESERVED = {
    "@timestamp": "capture the time and name it in 'timestamp'",
    "ecs.version": "remove it; Tailrace sets it",
    "event.dataset": "use the rule's 'dataset'",
    "event.original": "remove it; it is the line as it came",
    "rule.name": "remove it; it is the rule's 'name'",
}


def check_rule_name(node: ScalarNode, problems: list[Problem]) -> bool:
    """False, and a problem, unless the name is made of a-z, 0-9 and `_`, and starts with a letter."""
    if _RULE_NAME.fullmatch(node.text):
        return True
    hint = "use a-z, 0-9 and _, and a letter first"
    mended = re.sub(r"[^a-z0-9_]+", "_", node.text.lower()).strip("_")
    if _RULE_NAME.fullmatch(mended):
        hint += f", such as '{mended}'"
    problems.append(Problem(node.location, f"'{node.text}' cannot be a rule's name", hint))
    return False


def check_dataset(text: str, location: Location, problems: list[Problem]) -> None:
    """Report a dataset that cannot be a part of a data stream's name."""
    if not _DATASET.fullmatch(text) or len(text) > 100:
        hint = "use a-z, 0-9, _ and dots, such as 'nginx.error'"
        problems.append(Problem(location, f"'{text}' cannot be a dataset", hint))


def check_field(text: str, location: Location, problems: list[Problem]) -> bool:
    """False, and a problem, unless `text` is a field name: `process.pid`, `@timestamp`, `_scratch`."""
    if _FIELD.fullmatch(text):
        return True
    hint = "use letters, digits, _ and -, with dots between the parts, such as 'process.pid'"
    problems.append(Problem(location, f"'{text}' is not a field name", hint))
    return False


def check_target(entry: Entry, problems: list[Problem]) -> bool:
    """`check_field` for the key of an entry that writes the field; fields Tailrace fills are refused too."""
    text = entry.key.text
    if text in RESERVED:
        problems.append(
            Problem(entry.key.location, f"'{text}' is a name of the engine's own", "use another name")
        )
        return False
    if text in _RESERVED:
        problems.append(Problem(entry.key.location, f"a rule cannot set '{text}'", _RESERVED[text]))
        return False
    return check_field(text, entry.key.location, problems)


def check_fragment_name(node: ScalarNode, problems: list[Problem]) -> bool:
    """False, and a problem, unless `%{NAME}` can name the fragment."""
    if _FRAGMENT.fullmatch(node.text):
        return True
    hint = "use letters, digits and _, such as 'UPSTREAM'"
    problems.append(Problem(node.location, f"'{node.text}' cannot be a fragment's name", hint))
    return False


def check_glob(node: ScalarNode, problems: list[Problem]) -> bool:
    """False, and a problem, for a glob whose `[` is never closed."""
    if "[" in _BRACKET.sub("", node.text):
        hint = "close it, or write [[] for the character itself"
        problems.append(Problem(node.location, f"the glob '{node.text}' has a [ without its ]", hint))
        return False
    return True

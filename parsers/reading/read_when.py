"""The key `when`: conditions on fields, all of them; or a list of such mappings, any of them."""

from parsers.errors import Problem
from parsers.model import Condition, When
from parsers.reading.read_names import check_field, check_glob
from parsers.reading.read_nodes import read_items, read_pairs, read_texts
from parsers.reading.yaml_nodes import Node, SequenceNode


def read_when(node: Node, problems: list[Problem]) -> When:
    """The alternatives; one mapping alone is a single one. Equal ones are kept once."""
    items = read_items(node, "'when'", problems) if isinstance(node, SequenceNode) else (node,)
    found = (_read_every(item, problems) for item in items)
    return tuple(dict.fromkeys(every for every in found if every))


def _read_every(node: Node, problems: list[Problem]) -> tuple[Condition, ...]:
    """Field name to one glob or a list of them; all fields must match."""
    conditions: list[Condition] = []
    for entry in read_pairs(node, "'when'", problems):
        field = entry.key.text
        known = check_field(field, entry.key.location, problems)
        globs = read_texts(entry.value, f"the glob for '{field}'", problems)
        sound = [glob.text for glob in globs if check_glob(glob, problems)]
        if known and sound:
            conditions.append(Condition(field, tuple(sound), entry.key.location))
    return tuple(conditions)

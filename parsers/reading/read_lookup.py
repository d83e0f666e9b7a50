"""The key `lookup`: fields from a table that lies beside the rules."""

from parsers.errors import Problem
from parsers.model import Lookup
from parsers.reading.read_names import check_field, check_target
from parsers.reading.read_nodes import read_entries, read_items, read_pairs, read_text
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, ScalarNode

LOOKUP_KEYS = ("table", "from", "to", "key")


def read_lookups(node: Node, problems: list[Problem]) -> tuple[Lookup, ...]:
    """One lookup or a list of them; the tables are not read yet."""
    items = (node,) if isinstance(node, MappingNode) else read_items(node, "'lookup'", problems)
    found: list[Lookup] = []
    for item in items:
        entries = read_entries(item, LOOKUP_KEYS, "a lookup", problems, required=("table", "from", "to"))
        lookup = build_lookup(entries, problems)
        if lookup is not None:
            found.append(lookup)
    return tuple(found)


def build_lookup(entries: dict[str, Entry], problems: list[Problem]) -> Lookup | None:
    """A lookup of `table`, `from`, `to` (table column -> field) and `key`; None when one of them is wrong."""
    values = {key: entry.value for key, entry in entries.items()}
    path = read_text(values["table"], "'table'", problems) if "table" in values else None
    source = read_text(values["from"], "'from'", problems) if "from" in values else None
    if source is not None and not check_field(source, values["from"].location, problems):
        source = None
    if source is not None and source.startswith("_"):
        hint = "capture it under the name of a field"
        problems.append(
            Problem(values["from"].location, f"'{source}' is scratch, and gone when lookups run", hint)
        )
    key = read_text(values["key"], "'key'", problems) if "key" in values else None
    to: dict[str, str] = {}
    for entry in read_pairs(values["to"], "'to'", problems) if "to" in values else ():
        field = read_text(entry.value, f"the field for '{entry.key.text}'", problems)
        if field is not None and check_target(Entry(_as_key(entry), entry.value), problems):
            to[entry.key.text] = field
    if path is None or source is None or not to:
        return None
    return Lookup(path, source, to, key, None, values["table"].location)


def _as_key(entry: Entry) -> ScalarNode:
    """The field as `check_target` wants it: what is written to stands as the value here."""
    assert isinstance(entry.value, ScalarNode)
    return entry.value

"""A file of `enrich`: fields that are added to all events, whatever rule took them."""

from pathlib import Path

from parsers.errors import Problem
from parsers.events.enrich.geoip import describe_database
from parsers.model import Enrichment
from parsers.reading.read_lookup import LOOKUP_KEYS, build_lookup
from parsers.reading.read_names import check_field, check_rule_name
from parsers.reading.read_nodes import describe, read_choice, read_entries, read_text, read_texts
from parsers.reading.read_table import attach_table
from parsers.reading.read_when import read_when
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode

KINDS = ("lookup", "geoip", "related")
_COMMON = ("name", "description", "kind", "when")
_OWN = {"lookup": LOOKUP_KEYS, "geoip": ("database", "from"), "related": ()}
_REQUIRED = {"lookup": ("table", "from", "to"), "geoip": ("database", "from"), "related": ()}


def read_enrichment(node: Node, directory: Path, problems: list[Problem]) -> Enrichment | None:
    """The enrichment in a document, its table or database looked up; paths are relative to `directory`.

    None, and problems, when something in it is wrong.
    """
    if not isinstance(node, MappingNode):
        hint = "write 'name: ...' and 'kind: lookup', 'geoip' or 'related'"
        problems.append(
            Problem(node.location, f"an enrichment must be a mapping, not {describe(node)}", hint)
        )
        return None
    before = len(problems)
    kind_node = next((entry.value for entry in node.entries if entry.key.text == "kind"), None)
    kind = read_choice(kind_node, KINDS, "'kind'", problems) if kind_node is not None else None
    if kind is None:
        if kind_node is None:
            problems.append(
                Problem(node.location, "an enrichment has no 'kind'", "add " + " or ".join(KINDS))
            )
        return None
    known, required = (*_COMMON, *_OWN[kind]), ("name", "kind", *_REQUIRED[kind])
    entries = read_entries(node, known, f"an enrichment of kind '{kind}'", problems, required)
    values = {key: entry.value for key, entry in entries.items()}
    name = values.get("name")
    if name is not None:
        text = read_text(name, "'name'", problems)
        if text is not None and isinstance(name, ScalarNode):
            check_rule_name(name, problems)
    when = read_when(values["when"], problems) if "when" in values else ()
    lookup, database = None, None
    sources: tuple[str, ...] = ()
    if kind == "lookup":
        lookup = build_lookup(entries, problems)
        lookup = attach_table(lookup, directory, problems) if lookup is not None else None
    if kind == "geoip" and "from" in values:
        sources = _read_sources(values["from"], problems)
    if kind == "geoip" and "database" in values:
        database = _find_database(values["database"], directory, problems)
    if len(problems) > before or not isinstance(name, ScalarNode):
        return None
    match kind:
        case "lookup":
            return Enrichment(name.text, "lookup", when, lookup, location=node.location)
        case "geoip":
            return Enrichment(name.text, "geoip", when, None, database, sources, node.location)
        case _:
            return Enrichment(name.text, "related", when, location=node.location)


def _read_sources(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    sources = []
    for item in read_texts(node, "'from'", problems):
        if not check_field(item.text, item.location, problems):
            continue
        if not item.text.endswith(".ip"):
            hint = "name a field such as source.ip; source.geo and source.as are filled then"
            problems.append(Problem(item.location, f"'{item.text}' does not end in .ip", hint))
            continue
        sources.append(item.text)
    return tuple(dict.fromkeys(sources))


def _find_database(node: Node, directory: Path, problems: list[Problem]) -> str | None:
    text = read_text(node, "'database'", problems)
    if text is None:
        return None
    path = (directory / Path(text).expanduser()).absolute()
    try:
        describe_database(str(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        hint = "name an MMDB file of GeoLite2, GeoIP2 or DB-IP: City, Country or ASN"
        problems.append(Problem(node.location, f"cannot use the database '{path}': {reason}", hint))
        return None
    return str(path)

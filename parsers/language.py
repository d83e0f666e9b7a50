"""The whole language by the kind of file: its JSON Schema, and its reference in Markdown."""

from parsers.load import load_rules
from parsers.reading.keys import BURST, ENRICHMENTS, RULE
from parsers.reading.keys.write_reference import (
    BEGIN,
    END,
    SHIPPED_BEGIN,
    SHIPPED_END,
    replace_part,
    write_reference,
    write_shipped,
)
from parsers.reading.keys.write_schema import Schema, build_schema
from parsers.shipped import shipped_rules_directory


def describe_language(kind: str) -> Schema:
    """The JSON Schema (draft 7) of a document in files of a kind: `rule`, `burst` or `enrich`.

    Raises:
        KeyError: there is no such kind.
    """
    several = "A file holds one, or several separated by ---."
    return {
        "rule": lambda: build_schema(
            RULE,
            "Tailrace rule",
            f"One log source: how its lines look, and the ECS document they become. {several}",
        ),
        "burst": lambda: build_schema(
            BURST, "Tailrace burst rule", f"Which events are a burst when there are many of them. {several}"
        ),
        "enrich": lambda: build_schema(
            ENRICHMENTS, "Tailrace enrichment", f"Fields that are added to all events. {several}"
        ),
    }[kind]()


def describe_reference(kind: str) -> str:
    """Tables of all keys, in Markdown; `kind` as above."""
    kinds = {"rule": (RULE,), "burst": (BURST,), "enrich": ENRICHMENTS}[kind]
    return "\n".join(write_reference(keys) for keys in kinds)


def update_page(page: str, kind: str) -> str:
    """A page with the tables of all keys between its marks, and that of the shipped rules where it has marks for it.

    Raises:
        ValueError: the page has no marks.
        RuleError: the shipped rules cannot be read.
    """
    page = replace_part(page, BEGIN, END, describe_reference(kind))
    if SHIPPED_BEGIN not in page:
        return page
    return replace_part(
        page, SHIPPED_BEGIN, SHIPPED_END, write_shipped(load_rules(shipped_rules_directory()))
    )

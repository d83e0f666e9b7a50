"""The reference of the language in Markdown, and its place in a page."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from parsers.model import Rule
from parsers.reading.keys.kinds import Choice, Items, Key, Keys, Kind, Pairs, Plain, Text, Truth, Whole, Words

BEGIN = "<!-- keys: begin (written by `make docs`) -->"
END = "<!-- keys: end -->"
SHIPPED_BEGIN = "<!-- shipped rules: begin (written by `make docs`) -->"
SHIPPED_END = "<!-- shipped rules: end -->"


def write_reference(keys: Keys) -> str:
    """Tables of the keys of a mapping, and of the mappings that they hold, with what each may be."""
    parts = [_write_table(keys)]
    for above, inner in _find_inner(keys):
        parts.append(f"Keys of `{above}`:\n\n{_write_table(inner)}")
    return "\n\n".join(parts) + "\n"


def write_shipped(rules: Iterable[Rule]) -> str:
    """A table of rules by their files: the rules' names and the datasets they give."""
    files: dict[str, list[Rule]] = {}
    for rule in rules:
        files.setdefault(PurePath(rule.location.file).name, []).append(rule)
    rows = ["| file | rules | datasets |", "|---|---|---|"]
    for file, found in sorted(files.items()):
        names = " ".join(f"`{rule.name}`" for rule in found)
        rows.append(f"| {file} | {names} | {', '.join(sorted({rule.dataset for rule in found}))} |")
    return "\n".join(rows) + "\n"


def replace_part(page: str, begin: str, end: str, text: str) -> str:
    """The page with what stands between two marks replaced.

    Raises:
        ValueError: the page has no such marks, or not in their order.
    """
    start, stop = page.find(begin), page.find(end)
    if start < 0 or stop < start:
        raise ValueError(f"the page lacks the lines {begin!r} and {end!r}")
    return page[: start + len(begin)] + "\n\n" + text + "\n" + page[stop:]


def _write_table(keys: Keys) -> str:
    rows = ["| key | holds | default | for example | |", "|---|---|---|---|---|"]
    rows += [_write_row(key) for key in keys.keys]
    return "\n".join(rows)


def _write_row(key: Key) -> str:
    example = f"`{key.example}`" if key.example else ""
    default = "required" if key.is_required else key.default
    cells = [f"`{key.name}`", _name_kind(key.kind), default, example, key.says]
    return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in cells) + " |"


def _name_kind(kind: Kind) -> str:
    match kind:
        case Text(what):
            return what
        case Whole():
            return "whole number"
        case Truth():
            return "`true` or `false`"
        case Words(words):
            return ", ".join(f"`{word}`" for word in words)
        case Plain(is_nested):
            return "any value" if is_nested else "text or number"
        case Items(Pairs() as item, True):
            return f"({_name_kind(item)}), or a list of such"
        case Items(item, or_one):
            inner = _name_kind(item)
            return f"{inner}, or a list" if or_one else f"list of: {inner}"
        case Pairs(value, key):
            return f"{key} → {_name_kind(value)}"
        case Choice(kinds):
            return ", or ".join(dict.fromkeys(_name_kind(one) for one in kinds))
        case Keys():
            return "mapping"


def _find_inner(keys: Keys) -> Iterator[tuple[str, Keys]]:
    for key in keys.keys:
        for inner in _walk(key.kind):
            yield key.name, inner
            yield from ((f"{key.name}.{name}", below) for name, below in _find_inner(inner))


def _walk(kind: Kind) -> Iterator[Keys]:
    match kind:
        case Keys():
            yield kind
        case Items(item):
            yield from _walk(item)
        case Pairs(value):
            yield from _walk(value)
        case Choice(kinds):
            for one in kinds:
                yield from _walk(one)
        case _:
            return

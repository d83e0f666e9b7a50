"""One YAML document to one Rule; every mistake in it is reported, none stops the reading."""

from dataclasses import dataclass
from typing import cast, get_args

from parsers.errors import Problem, is_error
from parsers.events.values.dissect import find_parts
from parsers.model import BodyFormat, Location, Multiline, Rule, Status
from parsers.reading.keys import RULE, names_of
from parsers.reading.keys.rule_keys import MULTILINE
from parsers.reading.read_body import choose_timestamp, read_body
from parsers.reading.read_fields import read_map, read_rename, read_set
from parsers.reading.read_lookup import read_lookups
from parsers.reading.read_mask import read_masks
from parsers.reading.read_names import check_dataset, check_field, check_rule_name
from parsers.reading.read_nodes import (
    describe,
    read_choice,
    read_entries,
    read_integer,
    read_size,
    read_text,
    read_texts,
    suggest,
)
from parsers.reading.read_pattern import find_captures, read_fragments, read_patterns, read_regex
from parsers.reading.read_test import read_tests
from parsers.reading.read_timestamp import read_timestamp
from parsers.reading.read_transform import read_dissect, read_fields, read_types
from parsers.reading.read_when import read_when
from parsers.reading.yaml_nodes import Entry, MappingNode, Node, ScalarNode

RULE_KEYS = names_of(RULE)
STATUSES: tuple[str, ...] = get_args(Status)
BODY_FORMATS: tuple[str, ...] = get_args(BodyFormat)
_MULTILINE_KEYS = names_of(MULTILINE)


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A rule as far as it could be read, and where its parts stand.

    `is_sound`: nothing in it was wrong, so it can be built. `parents` are the places of the names in `after`;
    `name` is the place of the name. `gives` are the fields that it captures, sets or makes otherwise, but for those of
    its maps; None where that cannot be known: a structured body.
    """

    rule: Rule
    is_sound: bool
    name: Location
    parents: tuple[tuple[str, Location], ...] = ()
    keys: tuple[tuple[str, Location], ...] = ()
    gives: frozenset[str] | None = frozenset()


def read_rule(node: Node, problems: list[Problem]) -> ReadRule | None:
    """The rule in a document, or None when it is not even known what it is called."""
    before = len(problems)
    if not isinstance(node, MappingNode):
        hint = "write 'name: ...', 'patterns: ...'; the documentation shows a whole rule"
        problems.append(
            Problem(node.location, f"a rule must be a mapping of keys, not {describe(node)}", hint)
        )
        return None
    entries = read_entries(node, RULE_KEYS, "a rule", problems, required=("name",))
    _check_body(node, entries, problems)
    name = entries.get("name")
    if name is None or not isinstance(name.value, ScalarNode):
        if name is not None:
            read_text(name.value, "'name'", problems)
        name = None
    named = name is not None and check_rule_name(cast(ScalarNode, name.value), problems)
    text = cast(ScalarNode, name.value).text if name is not None else ""
    rule = _build_rule(text, node, entries, problems)
    if name is None or not named:
        return None
    after = read_texts(entries["after"].value, "'after'", []) if "after" in entries else ()
    sound = not any(is_error(problem) for problem in problems[before:])
    parents = tuple((parent.text, parent.location) for parent in after)
    places = [(key, entry.key.location) for key, entry in entries.items()]
    for key in ("types", "dissect", "set", "map"):
        if key in entries and isinstance(entries[key].value, MappingNode):
            below = cast(MappingNode, entries[key].value).entries
            places += [(f"{key}:{entry.key.text}", entry.key.location) for entry in below]
    return ReadRule(rule, sound, name.value.location, parents, tuple(places), _find_given(rule))


def _find_given(rule: Rule) -> frozenset[str] | None:
    if rule.format is not None:
        return None
    given = set(rule.set)
    for pattern in rule.patterns:
        given |= find_captures(pattern.text, rule.fragments) | pattern.set.keys()
    for field, kind in rule.dissect.items():
        given.update(find_parts(field, kind))
    if rule.multiline is not None:
        given.add(rule.multiline.field)
    return frozenset(given)


def _check_body(node: MappingNode, entries: dict[str, Entry], problems: list[Problem]) -> None:
    written = {entry.key.text for entry in node.entries}
    if "patterns" in entries and "format" in entries:
        message = "a rule has either 'patterns' or 'format', not both"
        hint = "remove one; a second rule with 'after' can read what this one captured"
        problems.append(Problem(entries["format"].key.location, message, hint))
    if not {"patterns", "format"} & written and not any(_means_patterns(key) for key in written):
        hint = "add 'patterns: [...]', or 'format: json' for a structured body"
        problems.append(Problem(node.location, "a rule has neither 'patterns' nor 'format'", hint))
    if "rename" in entries and "format" not in entries:
        hint = "name the fields in the patterns"
        problems.append(Problem(entries["rename"].key.location, "'rename' needs 'format'", hint))
    if "body" in entries and "format" not in entries:
        hint = "name the format of the body"
        problems.append(Problem(entries["body"].key.location, "'body' needs 'format'", hint))
    if "fragments" in entries and "patterns" not in entries:
        problems.append(
            Problem(entries["fragments"].key.location, "'fragments' needs 'patterns'", "remove it")
        )
    if "field" in entries and "after" not in entries:
        hint = "name the rule that captures the field in 'after', or remove 'field'"
        problems.append(Problem(entries["field"].key.location, "'field' needs 'after'", hint))


def _means_patterns(key: str) -> bool:
    return suggest(key, RULE_KEYS) == suggest("patterns", RULE_KEYS)


def _build_rule(name: str, node: MappingNode, entries: dict[str, Entry], problems: list[Problem]) -> Rule:
    values = {key: entry.value for key, entry in entries.items()}

    def text(key: str, default: str) -> str:
        return (read_text(values[key], f"'{key}'", problems) if key in values else None) or default

    def choice(key: str, choices: tuple[str, ...]) -> str | None:
        return read_choice(values[key], choices, f"'{key}'", problems) if key in values else None

    dataset = text("dataset", name.replace("_", ".", 1))
    if "dataset" in values:
        check_dataset(dataset, values["dataset"].location, problems)
    field = text("field", "message")
    if "field" in values:
        check_field(field, values["field"].location, problems)
    priority = read_integer(values["priority"], "'priority'", problems) if "priority" in values else None
    after = read_texts(values["after"], "'after'", problems) if "after" in values else ()
    format = choice("format", BODY_FORMATS)
    body = read_body(entries.get("body"), format, values.get("format", node), problems)
    types, separators = read_types(values["types"], problems) if "types" in values else ({}, {})
    return Rule(
        name=name,
        dataset=dataset,
        description=text("description", ""),
        status=cast(Status, choice("status", STATUSES) or "stable"),
        priority=priority or 0,
        when=read_when(values["when"], problems) if "when" in values else (),
        after=tuple(parent.text for parent in after),
        field=field,
        format=cast(BodyFormat | None, format),
        body=body,
        patterns=read_patterns(values["patterns"], problems) if "patterns" in values else (),
        rename=read_rename(values["rename"], problems) if "rename" in values else {},
        timestamp=read_timestamp(values["timestamp"], problems)
        if "timestamp" in values
        else choose_timestamp(format),
        types=types,
        separators=separators,
        lower=read_fields(values["lower"], "lower", problems) if "lower" in values else (),
        trim=read_fields(values["trim"], "trim", problems) if "trim" in values else (),
        dissect=read_dissect(values["dissect"], problems) if "dissect" in values else {},
        set=read_set(values["set"], problems) if "set" in values else {},
        map=read_map(values["map"], problems) if "map" in values else (),
        lookup=read_lookups(values["lookup"], problems) if "lookup" in values else (),
        mask=read_masks(values["mask"], problems) if "mask" in values else (),
        multiline=_read_multiline(values["multiline"], problems) if "multiline" in values else None,
        fragments=read_fragments(values["fragments"], problems) if "fragments" in values else {},
        tests=read_tests(values["tests"], problems) if "tests" in values else (),
        location=node.location,
    )


def _read_multiline(node: Node, problems: list[Problem]) -> Multiline | None:
    entries = read_entries(node, _MULTILINE_KEYS, "'multiline'", problems)
    start = read_regex(entries["start"].value, "'start'", problems) if "start" in entries else None
    continuation = None
    if "continuation" in entries:
        continuation = read_regex(entries["continuation"].value, "'continuation'", problems)
    field, lines, size = None, None, None
    if "field" in entries:
        field = read_text(entries["field"].value, "'field'", problems)
        if field is not None:
            check_field(field, entries["field"].value.location, problems)
    if "max_lines" in entries:
        lines = read_integer(entries["max_lines"].value, "'max_lines'", problems, 1, 1_000_000)
    if "max_bytes" in entries:
        size = read_size(entries["max_bytes"].value, "'max_bytes'", problems)
    if isinstance(node, MappingNode) and not {"start", "continuation"} & entries.keys():
        hint = "say which lines continue an event, or which begin one"
        problems.append(Problem(node.location, "'multiline' has neither 'continuation' nor 'start'", hint))
        return None
    if start is not None and continuation is not None:
        message = "'start' has no effect beside 'continuation'"
        problems.append(Problem(entries["start"].key.location, message, "remove one of them", "warning"))
    # The first pattern's place stands for the block, as the engine compiles these and reports there.
    pattern = entries.get("continuation") or entries.get("start")
    location = pattern.value.start if pattern and isinstance(pattern.value, ScalarNode) else node.location
    return Multiline(continuation, start, field or "message", lines or 500, size or 1_048_576, location)

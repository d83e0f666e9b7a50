"""Turns rules into what runs: one chooser a stage of the chain, one extractor a pattern."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.errors import Problem, RuleError
from parsers.events.bodies.body import build_body_extractor, build_body_pattern
from parsers.events.enrich.lookup import describe_lookup
from parsers.events.prepare import RESERVED
from parsers.events.stock import ReadyPatterns, Stock
from parsers.events.values.convert import Mapper, build_mapper
from parsers.events.values.dissect import Dissector, build_dissectors
from parsers.events.values.dissect_user_agent import UserAgents
from parsers.model import Location, Rule, Value, When, ZoneChoice
from parsers.patterns.choose import Chooser, Scannable, to_scannable
from parsers.patterns.extract import Extracted
from parsers.patterns.shards import DatabaseStore, Shard
from parsers.patterns.tokens import PatternError

# Rules of this priority or lower are looked for only on lines that no other rule took.
LAST_RESORT = -40


class Extractor(Protocol):
    """Takes fields out of texts: by a pattern, or out of a structured body."""

    @property
    def blankable(self) -> frozenset[str]:
        """The captures that may hold an empty text or a lone `-`."""
        ...

    def extract(self, texts: pl.Series) -> Extracted:
        """Matches every text; see `Extracted`."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One pattern of a rule in a stage; `rule` is the index into the rule set's rules."""

    rule: int
    extractor: Extractor
    set: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Group:
    """Patterns that are tried on the same rows: of one tier, under the same conditions.

    `numbers[i]` is the place of the chooser's pattern i in the stage's trying order.
    """

    tier: int
    when: When
    numbers: npt.NDArray[np.int64]
    chooser: Chooser


@dataclass(frozen=True, slots=True)
class Stage:
    """All patterns that are tried on one field, in trying order. `field` None: the line itself.

    A tier's patterns are looked for only on rows that no earlier tier took; each group is scanned on its own, on the
    rows that its conditions let through. `exact[i]` is false for a pattern that a scan finds too often.
    """

    field: str | None
    entries: tuple[Entry, ...]
    exact: npt.NDArray[np.bool_]
    groups: tuple[Group, ...]
    tiers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """A pattern on its way into a stage."""

    entry: Entry
    pattern: Scannable
    tier: int


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its declared types (its own and its fragments') and the stages that read on from it."""

    rule: Rule
    types: Mapping[str, str]
    blankable: frozenset[str] = frozenset()
    stages: tuple[Stage, ...] = ()
    dissectors: tuple[tuple[str, Dissector], ...] = ()
    mappers: tuple[Mapper, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """All rules in trying order and the stage that reads lines; `patterns` and `shards` are there to be taken over."""

    rules: tuple[CompiledRule, ...]
    root: Stage
    hash: str
    patterns: ReadyPatterns
    shards: tuple[Shard, ...]


def compile_rules(
    rules: Sequence[Rule], earlier: CompiledRules | None = None, store: DatabaseStore | None = None
) -> CompiledRules:
    """Compiles rules; higher priority first, then the order given.

    Patterns marked `fallback`, and rules whose priority is `LAST_RESORT` or lower, are tried after all others.

    Args:
        rules: what to compile.
        earlier: the rule set before, of which everything that is still wanted is taken over.
        store: keeps Hyperscan's databases between processes. They are compiled, or read, when they are first used.

    Raises:
        RuleError: every pattern that cannot be read or compiled, each with its place.
    """
    ordered = sorted(rules, key=lambda rule: -rule.priority)
    stock = Stock(earlier.patterns, earlier.shards, store) if earlier else Stock(store=store)
    problems: list[Problem] = []
    read: list[list[_Read]] = []
    types: list[dict[str, str]] = []
    for index, rule in enumerate(ordered):
        entries, declared = _compile_rule(index, rule, _list_read_on(rule, ordered), stock, problems)
        read.append(entries)
        types.append(declared)
    if problems:
        raise RuleError(problems)
    stock.keep()
    user_agents = UserAgents()
    build = _StageBuilder(ordered, read, stock)
    compiled = tuple(
        CompiledRule(
            rule,
            types[index],
            frozenset().union(*(item.entry.extractor.blankable for item in read[index])),
            build.for_parent(rule),
            build_dissectors(rule.dissect, user_agents),
            tuple(build_mapper(item) for item in rule.map),
        )
        for index, rule in enumerate(ordered)
    )
    root = build.stage(None, [index for index, rule in enumerate(ordered) if not rule.after])
    return CompiledRules(compiled, root, hash_rules(ordered), stock.patterns, tuple(stock.shards))


def hash_rules(rules: Sequence[Rule]) -> str:
    """Twelve hex digits that change when a rule changes; tests and places in files do not count."""
    digest = hashlib.blake2b(digest_size=6)
    for rule in rules:
        digest.update(_describe(rule).encode())
    return digest.hexdigest()


def _describe(rule: Rule) -> str:
    parts = [
        rule.name, rule.dataset, rule.status, rule.priority, rule.after, rule.field, rule.format,
        [[(condition.field, condition.globs) for condition in every] for every in rule.when],
        [(pattern.text, pattern.fallback, dict(pattern.set)) for pattern in rule.patterns],
        dict(rule.rename), dict(rule.types), dict(rule.set), dict(rule.fragments),
        dict(rule.separators), rule.lower, rule.trim, dict(rule.dissect), rule.body,
        rule.timestamp and (rule.timestamp.field, rule.timestamp.formats, _describe_zone(rule.timestamp.timezone)),
        [(item.target, item.source, dict(item.values), item.default) for item in rule.map],
        [describe_lookup(lookup) for lookup in rule.lookup],
        [(mask.field, mask.kind, mask.how, mask.pattern) for mask in rule.mask],
        rule.multiline and (rule.multiline.continuation, rule.multiline.start, rule.multiline.field,
                            rule.multiline.max_lines, rule.multiline.max_bytes),
    ]  # fmt: skip
    return repr(parts)


def _describe_zone(zone: str | ZoneChoice | None) -> object:
    return (zone.field, dict(zone.values), zone.default) if isinstance(zone, ZoneChoice) else zone


def _list_read_on(rule: Rule, rules: Sequence[Rule]) -> Iterable[str]:
    """The fields that the rules after a rule, and those after them, read and route by."""
    if rule.format is None:
        return
    waiting, seen = [rule.name], {rule.name}
    while waiting:
        parent = waiting.pop()
        for child in rules:
            if parent in child.after and child.name not in seen:
                seen.add(child.name)
                waiting.append(child.name)
                yield child.field
                yield from (condition.field for every in child.when for condition in every)
                yield from (item.source for item in child.map)


def _compile_rule(
    index: int, rule: Rule, read_on: Iterable[str], stock: Stock, problems: list[Problem]
) -> tuple[list[_Read], dict[str, str]]:
    declared: dict[str, str] = {}
    found: list[_Read] = []
    # What is meant as a last resort is looked for last, on the few lines that are left.
    tier = 2 * int(rule.priority <= LAST_RESORT)
    if rule.format is not None:
        body = Entry(index, build_body_extractor(rule, read_on), {})
        found.append(_Read(body, to_scannable(build_body_pattern(rule)), tier))
    for pattern in rule.patterns:
        try:
            ready = stock.read_pattern(pattern.text, rule.fragments)
            taken = sorted(RESERVED.intersection(ready.parts.names))
            if taken:
                raise PatternError(
                    f"'{taken[0]}' is a name of the engine's own", 0, "capture it under another name"
                )
            entry = Entry(index, ready.extractor, pattern.set)
            found.append(_Read(entry, ready.scannable, tier + int(pattern.fallback)))
            declared.update(ready.parts.types)
        except PatternError as error:
            problems.append(
                Problem(_shift(pattern.location, error.position), f"pattern: {error.message}", error.hint)
            )
        except ValueError as error:
            problems.append(Problem(pattern.location, f"pattern: {error}", "no engine takes it as it is"))
    declared.update(rule.types)
    return found, declared


def _shift(location: Location, position: int) -> Location:
    return replace(location, column=location.column + position)


class _StageBuilder:
    """Builds each stage once, however many rules it comes after."""

    def __init__(self, rules: Sequence[Rule], read: Sequence[Sequence[_Read]], stock: Stock) -> None:
        self.rules, self.read, self.stock = rules, read, stock
        self.children: dict[str, list[int]] = {}
        for index, rule in enumerate(rules):
            for parent in dict.fromkeys(rule.after):
                self.children.setdefault(parent, []).append(index)
        self.built: dict[tuple[str | None, tuple[int, ...]], Stage] = {}

    def for_parent(self, parent: Rule) -> tuple[Stage, ...]:
        """The stages that read on from a rule: one for each field that rules after it read."""
        by_field: dict[str, list[int]] = {}
        for index in self.children.get(parent.name, ()):
            by_field.setdefault(self.rules[index].field, []).append(index)
        return tuple(self.stage(field, indexes) for field, indexes in by_field.items())

    def stage(self, field: str | None, indexes: Sequence[int]) -> Stage:
        """The stage of the rules at `indexes`."""
        key = (field, tuple(indexes))
        if key not in self.built:
            self.built[key] = _build_stage(field, indexes, self)
        return self.built[key]


def _build_stage(field: str | None, indexes: Sequence[int], source: _StageBuilder) -> Stage:
    # Sorting is stable: within a tier rules keep their order, and patterns theirs.
    found = sorted((item for index in indexes for item in source.read[index]), key=lambda item: item.tier)
    members: dict[tuple[int, When], list[int]] = {}
    for number, item in enumerate(found):
        members.setdefault((item.tier, source.rules[item.entry.rule].when), []).append(number)
    exact = np.ones(len(found), dtype=np.bool_)
    groups = []
    for (tier, when), numbers in members.items():
        chooser = source.stock.build_chooser([found[number].pattern for number in numbers])
        exact[numbers] = chooser.exact
        groups.append(Group(tier, when, np.array(numbers, dtype=np.int64), chooser))
    return Stage(
        field,
        tuple(item.entry for item in found),
        exact,
        tuple(groups),
        tuple(sorted({item.tier for item in found})),
    )

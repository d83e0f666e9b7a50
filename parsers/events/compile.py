"""Turns rules into what runs: one chooser a stage of the chain, one extractor a pattern."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.errors import Problem, RuleError
from parsers.events.body import BODY_PATTERNS, build_body_extractor
from parsers.events.prepare import RESERVED
from parsers.model import Condition, Location, Rule, Value
from parsers.patterns.choose import Chooser, build_chooser
from parsers.patterns.dialect import read_pattern
from parsers.patterns.extract import Extracted, build_extractor
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import PatternError, ReadPattern

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
    when: tuple[Condition, ...]
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
    pattern: ReadPattern | str
    tier: int


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its declared types (its own and its fragments') and the stages that read on from it."""

    rule: Rule
    types: Mapping[str, str]
    blankable: frozenset[str] = frozenset()
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """All rules in trying order and the stage that reads lines."""

    rules: tuple[CompiledRule, ...]
    root: Stage
    hash: str


def compile_rules(rules: Sequence[Rule]) -> CompiledRules:
    """Compiles rules; higher priority first, then the order given.

    Patterns marked `fallback`, and rules whose priority is `LAST_RESORT` or lower, are tried after all others.

    Raises:
        RuleError: every pattern that cannot be read or compiled, each with its place.
    """
    ordered = sorted(rules, key=lambda rule: -rule.priority)
    problems: list[Problem] = []
    read: list[list[_Read]] = []
    types: list[dict[str, str]] = []
    for index, rule in enumerate(ordered):
        entries, declared = _compile_rule(index, rule, problems)
        read.append(entries)
        types.append(declared)
    if problems:
        raise RuleError(problems)
    compiled = tuple(
        CompiledRule(
            rule,
            types[index],
            frozenset().union(*(item.entry.extractor.blankable for item in read[index])),
            tuple(_build_stages(rule, ordered, read)),
        )
        for index, rule in enumerate(ordered)
    )
    root = _build_stage(None, [index for index, rule in enumerate(ordered) if not rule.after], ordered, read)
    return CompiledRules(compiled, root, hash_rules(ordered))


def hash_rules(rules: Sequence[Rule]) -> str:
    """Twelve hex digits that change when a rule changes; tests and places in files do not count."""
    digest = hashlib.blake2b(digest_size=6)
    for rule in rules:
        digest.update(_describe(rule).encode())
    return digest.hexdigest()


def _describe(rule: Rule) -> str:
    parts = [
        rule.name, rule.dataset, rule.status, rule.priority, rule.after, rule.field, rule.format,
        [(condition.field, condition.globs) for condition in rule.when],
        [(pattern.text, pattern.fallback, dict(pattern.set)) for pattern in rule.patterns],
        dict(rule.rename), dict(rule.types), dict(rule.set), dict(rule.fragments),
        rule.timestamp and (rule.timestamp.field, rule.timestamp.formats, rule.timestamp.timezone),
        [(item.target, item.source, dict(item.values), item.default) for item in rule.map],
        rule.multiline and (rule.multiline.continuation, rule.multiline.start, rule.multiline.field,
                            rule.multiline.max_lines, rule.multiline.max_bytes),
    ]  # fmt: skip
    return repr(parts)


def _compile_rule(index: int, rule: Rule, problems: list[Problem]) -> tuple[list[_Read], dict[str, str]]:
    fragments = {**FRAGMENTS, **rule.fragments}
    declared: dict[str, str] = {}
    found: list[_Read] = []
    # What is meant as a last resort is looked for last, on the few lines that are left.
    tier = 2 * int(rule.priority <= LAST_RESORT)
    if rule.format is not None:
        body = Entry(index, build_body_extractor(rule), {})
        found.append(_Read(body, BODY_PATTERNS[rule.format], tier))
    for pattern in rule.patterns:
        try:
            read = read_pattern(pattern.text, fragments)
            taken = sorted(RESERVED.intersection(read.names))
            if taken:
                raise PatternError(
                    f"'{taken[0]}' is a name of the engine's own", 0, "capture it under another name"
                )
            entry = Entry(index, build_extractor(read), pattern.set)
            found.append(_Read(entry, read, tier + int(pattern.fallback)))
            declared.update(read.types)
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


def _build_stages(parent: Rule, rules: Sequence[Rule], read: Sequence[Sequence[_Read]]) -> Iterable[Stage]:
    children = [index for index, rule in enumerate(rules) if parent.name in rule.after]
    for field in dict.fromkeys(rules[index].field for index in children):
        yield _build_stage(field, [index for index in children if rules[index].field == field], rules, read)


def _build_stage(
    field: str | None, indexes: Sequence[int], rules: Sequence[Rule], read: Sequence[Sequence[_Read]]
) -> Stage:
    # Sorting is stable: within a tier rules keep their order, and patterns theirs.
    found = sorted((item for index in indexes for item in read[index]), key=lambda item: item.tier)
    members: dict[tuple[int, tuple[Condition, ...]], list[int]] = {}
    for number, item in enumerate(found):
        members.setdefault((item.tier, rules[item.entry.rule].when), []).append(number)
    exact = np.ones(len(found), dtype=np.bool_)
    groups = []
    for (tier, when), numbers in members.items():
        chooser = build_chooser([found[number].pattern for number in numbers])
        exact[numbers] = chooser.exact
        groups.append(Group(tier, when, np.array(numbers, dtype=np.int64), chooser))
    return Stage(
        field,
        tuple(item.entry for item in found),
        exact,
        tuple(groups),
        tuple(sorted({item.tier for item in found})),
    )

"""Follows events through the stages of a rule set as the batch engine does, and notes which pattern took each."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import regex

from parsers.events.compile import CompiledRule, Stage
from parsers.events.match import RuleMatch
from parsers.events.prepare import ROW
from parsers.explain.model import Taken
from parsers.model import Pattern, Rule
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import group_name, to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import ReadPattern
from parsers.ruleset import RuleSet

# A hostile line may not make a person wait.
TIMEOUT_SECONDS = 0.05


def follow_events(rule_set: RuleSet, lines: pl.DataFrame) -> list[tuple[Taken, ...]]:
    """The rules that took each event, in the order of the chain; empty for events that no rule took.

    `lines` is a line frame as `RuleSet.parse` takes it.
    """
    chains: list[tuple[Taken, ...]] = [()] * lines.height

    def note(stage: Stage, match: RuleMatch, frame: pl.DataFrame, texts: pl.Series) -> None:
        rule = rule_set.compiled.rules[match.rule].rule
        read = texts.gather(match.rows)
        numbers = _find_patterns(stage, match.rule, rule_set.compiled.rules, read)
        for at, row in enumerate(frame[ROW].gather(match.rows)):
            taken = _to_taken(rule, numbers[at], stage.field, read[at], match.captures, at)
            chains[row] = (*chains[row], taken)

    rule_set.parse(lines, note)
    return chains


def list_pattern_numbers(stage: Stage, rules: Sequence[CompiledRule]) -> list[int]:
    """For every entry of a stage the number of its pattern in the rule, from 1; 0 for a structured body."""
    seen: dict[int, int] = {}
    numbers: list[int] = []
    for entry in stage.entries:
        patterns = rules[entry.rule].rule.patterns
        place = seen.get(entry.rule, 0)
        seen[entry.rule] = place + 1
        # The engine sorts a rule's patterns as this does: rare forms last, else as written.
        order = sorted(range(len(patterns)), key=[pattern.fallback for pattern in patterns].__getitem__)
        numbers.append(order[place] + 1 if order else 0)
    return numbers


def read_rule_pattern(rule: Rule, pattern: Pattern) -> ReadPattern:
    """A pattern of a rule as tokens, its fragments expanded."""
    return read_pattern(pattern.text, {**FRAGMENTS, **rule.fragments})


def _find_patterns(
    stage: Stage, rule: int, rules: Sequence[CompiledRule], texts: pl.Series
) -> npt.NDArray[np.int64]:
    """The number of the first pattern of the rule that takes each text, in trying order."""
    numbers = np.zeros(len(texts), dtype=np.int64)
    open_rows = np.ones(len(texts), dtype=np.bool_)
    for entry, number in zip(stage.entries, list_pattern_numbers(stage, rules), strict=True):
        if entry.rule != rule or not open_rows.any():
            continue
        rows = np.flatnonzero(open_rows)
        matched = entry.extractor.extract(texts.gather(rows)).matched
        took = rows if matched is None else rows[matched.to_numpy()]
        numbers[took] = number
        open_rows[took] = False
    return numbers


def _to_taken(
    rule: Rule, number: int, field: str | None, text: str, captures: pl.DataFrame, row: int
) -> Taken:
    pattern = rule.patterns[number - 1] if number else None
    values = captures.row(row, named=True) if captures.width else {}
    fixed = pattern.set if pattern else {}
    return Taken(
        rule.name,
        rule.dataset,
        rule.location,
        int(number),
        pattern.location if pattern else rule.location,
        field,
        text,
        {name: str(value) for name, value in values.items() if value is not None and name not in fixed},
    )


def find_spans(rule: Rule, taken: Taken) -> Mapping[str, tuple[int, int]]:
    """Where in the text that a rule read each capture stands; empty for bodies, and where it takes too long to say."""
    if not taken.pattern:
        return {}
    read = read_rule_pattern(rule, rule.patterns[taken.pattern - 1])
    try:
        compiled = regex.compile(to_regex(read), regex.ASCII | regex.VERSION0)
        found = compiled.search(taken.text, timeout=TIMEOUT_SECONDS)
    except TimeoutError:
        return {}
    if found is None:
        return {}
    spans = {name: found.span(group_name(index)) for index, name in enumerate(read.names)}
    return {name: span for name, span in spans.items() if span[0] >= 0}

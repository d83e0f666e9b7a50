"""Tries every pattern of a stage on one text, and says how far it got."""

from collections.abc import Sequence

import polars as pl

from parsers.events.compile import Stage
from parsers.events.prepare import HEAD, prepare_lines
from parsers.events.when import Router
from parsers.explain.follow import list_pattern_numbers, read_rule_pattern
from parsers.explain.model import Attempt
from parsers.explain.reach import find_reach
from parsers.ruleset import RuleSet

NEAREST = 3


def list_attempts(rule_set: RuleSet, lines: pl.DataFrame, stop_at: str | None = None) -> tuple[Attempt, ...]:
    """The patterns that were tried on the one event of `lines` before rule `stop_at` took it; all when that is None."""
    frame = prepare_lines(lines)
    return _try_stage(rule_set, rule_set.compiled.root, frame, str(frame[HEAD][0]), stop_at)


def find_nearest(attempts: Sequence[Attempt], count: int = NEAREST) -> tuple[Attempt, ...]:
    """The attempts that got furthest, one a rule, the best first; those that got nowhere are left out."""
    best: dict[str, Attempt] = {}
    for attempt in attempts:
        if attempt.reach is None or attempt.reach.certain == 0:
            continue
        known = best.get(attempt.rule)
        if known is None or _rate(attempt) > _rate(known):
            best[attempt.rule] = attempt
    return tuple(sorted(best.values(), key=_rate, reverse=True)[:count])


def _rate(attempt: Attempt) -> tuple[int, float]:
    assert attempt.reach is not None
    return attempt.reach.certain, attempt.reach.steps / attempt.reach.all_steps


def _try_stage(
    rule_set: RuleSet, stage: Stage, frame: pl.DataFrame, text: str, stop_at: str | None
) -> tuple[Attempt, ...]:
    router = Router(frame)
    texts = pl.Series([text])
    attempts: list[Attempt] = []
    skipped: set[str] = set()
    numbers = list_pattern_numbers(stage, rule_set.compiled.rules)
    for entry, number in zip(stage.entries, numbers, strict=True):
        rule = rule_set.compiled.rules[entry.rule].rule
        if rule.name in skipped:
            continue
        allowed = router.find_allowed(rule.when)
        if allowed is not None and not allowed[0]:
            skipped.add(rule.name)
            attempts.append(Attempt(rule.name, 0, rule.location, is_skipped=True))
            continue
        extracted = entry.extractor.extract(texts)
        if extracted.matched is None or extracted.matched[0]:
            if rule.name == stop_at:
                break
            continue
        if not number:
            attempts.append(Attempt(rule.name, 0, rule.location))
            continue
        pattern = rule.patterns[number - 1]
        reach = find_reach(read_rule_pattern(rule, pattern), text)
        attempts.append(Attempt(rule.name, number, pattern.location, reach=reach))
    return tuple(attempts)

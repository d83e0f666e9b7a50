"""Decides whether changed rules may go live: check, their own tests, lint, and a trial on live lines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import polars as pl

from parsers.errors import RuleError, is_error
from parsers.lint.lint import lint_changed
from parsers.load import check_loaded, check_rules
from parsers.model import Rule
from parsers.ruleset import RuleSet
from parsers.testing.impact import find_affected_tests, find_changed, find_possible_lines
from parsers.testing.report import describe_failure
from parsers.testing.ruletest import run_tests

# What is told of a refusal; a broken directory could fill the log.
REASONS = 20

LoadRules: TypeAlias = Callable[[RuleSet], RuleSet]
"""Loads the directory's rules; gets the rules in force, to take over what has not changed. Raises RuleError."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How many of the sample's lines each rule set parses, as shares from 0 to 1."""

    lines: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rules` is None when they are refused; `reasons` then say why, each with its place and how to mend it."""

    rules: RuleSet | None
    reasons: tuple[str, ...] = ()
    trial: Trial | None = None


def judge_rules(
    directory: Path, load: LoadRules, current: RuleSet, sample: pl.DataFrame | None, max_drop: float
) -> Verdict:
    """Judges the rules in `directory` against those in force.

    Args:
        directory: where the rule files are.
        load: see `LoadRules`.
        current: the rules in force.
        sample: recent live lines (a line frame), or None: then there is no trial.
        max_drop: by how much the parsed share of the sample may fall, 0 to 1.
    """
    try:
        rules = load(current)
    except RuleError as error:
        # Checking says more than loading, and may say nothing: of a directory that changed again, or of a missing key.
        found = [problem for problem in check_rules(directory, current)[1] if is_error(problem)]
        return _refuse([str(problem) for problem in found or error.problems])
    wrong = check_loaded(rules)
    if wrong:
        return _refuse([str(problem) for problem in wrong])
    rules.warm_up()
    # Of a thousand rules all but some are as they were; what they cannot have changed is not tried again.
    results = run_tests(rules, find_affected_tests(rules, current))
    failed = [describe_failure(result) for result in results if not result.passed]
    if failed:
        return _refuse(failed)
    wrong = lint_changed(rules, find_changed(_list_rules(rules), _list_rules(current)))
    if wrong:
        return _refuse([str(problem) for problem in wrong])
    if sample is None:
        return Verdict(rules)
    trial = _try(rules, current, sample)
    if trial.before - trial.after > max_drop:
        reason = (
            f"of {trial.lines} recent lines the new rules parse {trial.after:.1%}, those in force {trial.before:.1%}: "
            f"a drop of more than {max_drop:.1%}; see which lines with `tailrace rules explain FILE`, or raise "
            "rules.max_parsed_drop"
        )
        return Verdict(None, (reason,), trial)
    return Verdict(rules, (), trial)


def measure_parsed(rules: RuleSet, lines: pl.DataFrame) -> float:
    """The share of lines that some rule parses, 0 to 1."""
    parsed = sum(block.frame.height for block in rules.parse(lines).blocks if block.rule is not None)
    return parsed / lines.height if lines.height else 1.0


def _try(rules: RuleSet, current: RuleSet, sample: pl.DataFrame) -> Trial:
    before = measure_parsed(current, sample)
    possible = sample[find_possible_lines(rules, current, sample)]
    # The other lines end as they did.
    gained = measure_parsed(rules, possible) - measure_parsed(current, possible)
    return Trial(sample.height, before, before + gained * possible.height / sample.height)


def _list_rules(rule_set: RuleSet) -> list[Rule]:
    return [*rule_set.rules, *(rule_set.experimental.rules if rule_set.experimental is not None else ())]


def _refuse(reasons: list[str]) -> Verdict:
    kept = reasons[:REASONS]
    if len(reasons) > len(kept):
        kept.append(
            f"and {len(reasons) - len(kept)} more; `tailrace rules check` and `tailrace rules test` tell all"
        )
    return Verdict(None, tuple(kept))

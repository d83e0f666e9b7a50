"""`tailrace rules`: check rule files, and run the tests that stand in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from parsers.burst_model import BurstRule
    from parsers.model import Location, Rule
    from parsers.ruletest import TestResult
    from pipeline.stages.burst_test import BurstTestResult

_DIRECTORY = click.argument("directory", required=False, metavar="[DIR]", type=click.Path(path_type=Path))


@dataclass(frozen=True, slots=True)
class Checked:
    """What a directory holds: the rules that could be read, and the number of errors told to the user."""

    rules: tuple["Rule", ...]
    bursts: tuple["BurstRule", ...]
    errors: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended; `failure` is a text for people, empty when the test passed."""

    rule: str
    name: str
    location: "Location"
    failure: str = ""


@click.group()
def rules() -> None:
    """Check and test rule files; without DIR, the rules that come with Tailrace."""


@rules.command()
@_DIRECTORY
@click.pass_context
def check(context: click.Context, directory: Path | None) -> None:
    """Report every mistake in the rule files of DIR, with its place and how to mend it.

    Mistakes go to stderr, a summary to stdout. Exits with 1 when one of them is an error.
    """
    checked = _check(_choose_directory(directory))
    context.exit(1 if checked.errors else 0)


@rules.command()
@_DIRECTORY
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write a JUnit report as well."
)
@click.pass_context
def test(context: click.Context, directory: Path | None, junit: Path | None) -> None:
    """Check the rule files of DIR, then run the tests that stand in the rules.

    Each failing test is shown with its place, its line and what came out. Exits with 1 when one fails.
    """
    checked = _check(_choose_directory(directory))
    if checked.errors:
        context.exit(1)
    outcomes = _run_tests(checked)
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        click.echo(outcome.failure + "\n")
    if junit is not None:
        _write_junit(outcomes, junit)
    click.echo(f"{_count(len(outcomes), 'test')}, {len(failed)} failed")
    context.exit(1 if failed else 0)


def _choose_directory(directory: Path | None) -> Path:
    if directory is not None:
        return directory
    from parsers.shipped import shipped_rules_directory

    return shipped_rules_directory()


def _check(directory: Path) -> Checked:
    """Print all problems to stderr and the summary to stdout."""
    from parsers.bursts import check_burst_rules, find_burst_files
    from parsers.errors import is_error
    from parsers.load import BURST_FOLDER, check_rules, find_rule_files

    found, problems = check_rules(directory)
    files = len(find_rule_files(directory)) if directory.is_dir() else 0
    bursts: tuple[BurstRule, ...] = ()
    folder = directory / BURST_FOLDER
    if folder.is_dir():
        # Rules that could not be read would be called missing by the burst rules that name them.
        names = None if any(map(is_error, problems)) else {rule.name for rule in found}
        bursts, burst_problems = check_burst_rules(folder, names)
        files += len(find_burst_files(folder))
        problems = (*problems, *burst_problems)
    for problem in problems:
        click.echo(str(problem), err=True)
    errors = sum(map(is_error, problems))
    parts = [_count(files, "file"), _count(len(found), "rule")]
    if bursts:
        parts.append(_count(len(bursts), "burst rule"))
    parts.append(_count(errors, "error"))
    if len(problems) > errors:
        parts.append(_count(len(problems) - errors, "warning"))
    click.echo(", ".join(parts))
    return Checked(found, bursts, errors)


def _run_tests(checked: Checked) -> tuple[Outcome, ...]:
    from parsers.ruleset import build_rule_set
    from parsers.ruletest import run_tests
    from pipeline.stages.burst_test import run_burst_tests

    results = run_tests(build_rule_set(checked.rules))
    bursts = (result for rule in checked.bursts for result in run_burst_tests(rule))
    return (*map(_to_outcome, results), *map(_to_burst_outcome, bursts))


def _to_outcome(result: "TestResult") -> Outcome:
    failure = "" if result.passed else describe_failure(result)
    return Outcome(result.rule, result.test.name, result.location, failure)


def _to_burst_outcome(result: "BurstTestResult") -> Outcome:
    lines = [_head(result.location, "burst rule", result.rule, result.test)]
    lines += [f"    {difference}" for difference in result.differences]
    failure = "" if result.is_passed else "\n".join(lines)
    return Outcome(result.rule, result.test, result.location, failure)


def describe_failure(result: "TestResult") -> str:
    """A failed test for people: where it stands, the line, what differs, and which rule took the line."""
    lines = [_head(result.location, "rule", result.rule, result.test.name)]
    lines += [f"    | {_escape(line)}" for line in result.test.line.removesuffix("\n").split("\n")]
    if result.test.expect is None:
        lines.append(f"    expected no match, but '{result.rule}' took the line")
    elif result.taken_by is None:
        lines.append("    no rule took the line")
    elif result.taken_by != result.rule:
        lines.append(f"    the line was taken by '{result.taken_by}' instead")
    else:
        lines += [f"    {_escape(str(difference))}" for difference in result.differences]
    return "\n".join(lines)


def _head(location: "Location", kind: str, rule: str, test: str) -> str:
    return f"{location}: failed: {kind} '{rule}'" + (f", test '{_escape(test)}'" if test else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _write_junit(outcomes: Sequence[Outcome], path: Path) -> None:
    from xml.etree import ElementTree

    failures = sum(bool(outcome.failure) for outcome in outcomes)
    suite = ElementTree.Element("testsuite", name="rules", tests=str(len(outcomes)), failures=str(failures))
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=outcome.rule,
            name=_escape(outcome.name or f"line {outcome.location.line}"),
            file=outcome.location.file,
            line=str(outcome.location.line),
        )
        if outcome.failure:
            head = outcome.failure.split("\n", 1)[0]
            ElementTree.SubElement(case, "failure", message=head).text = outcome.failure
    path.write_bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def _escape(text: str) -> str:
    """Log lines hold control characters that would colour a terminal, and that XML cannot hold."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )

"""`tailrace rules test`: run the tests that stand in rules, and tell what no test exercises."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parsers.escape import escape
from pipeline.cli.rules_check import Checked, check_directory, choose_directory, count

if TYPE_CHECKING:
    from parsers.coverage.model import Coverage
    from parsers.model import Location
    from parsers.ruleset import RuleSet
    from parsers.testing.ruletest import TestResult
    from pipeline.stages.burst_test import BurstTestResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended; `failure` is a text for people, empty when the test passed."""

    rule: str
    name: str
    location: "Location"
    failure: str = ""


@click.command()
@click.argument("path", required=False, metavar="[DIR|FILE]", type=click.Path(path_type=Path))
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write a JUnit report as well."
)
@click.option("--coverage", is_flag=True, help="List what no test exercises, each with its place.")
@click.option(
    "--update",
    is_flag=True,
    help="Write what came out into the tests that fail, and into those that expect {}, for you to review.",
)
@click.pass_context
def test(context: click.Context, path: Path | None, junit: Path | None, coverage: bool, update: bool) -> None:
    """Check the rule files of DIR, then run the tests that stand in the rules.

    With a FILE, only the tests of that file are run, with all the rules that lie beside it. Each failing test is shown
    with its place, its line and what came out; the last lines say how much of the rules the tests exercise. Exits with
    1 when a test fails.
    """
    directory, file = (path.parent, path) if path is not None and path.is_file() else (path, None)
    checked = check_directory(choose_directory(directory))
    if checked.errors:
        context.exit(1)
    from parsers.ruleset import build_rule_set
    from parsers.testing.ruletest import run_tests
    from pipeline.rule_store import open_store

    rule_set = build_rule_set(checked.rules, store=open_store(os.environ))
    results = [result for result in run_tests(rule_set) if _is_in(result.location, file)]
    if update:
        results = _update(results, rule_set)
    outcomes = (*map(_to_outcome, results), *_run_burst_tests(checked, file))
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        click.echo(outcome.failure + "\n")
    if junit is not None:
        _write_junit(outcomes, junit)
    _tell_coverage(rule_set, file, in_full=coverage)
    click.echo(f"{count(len(outcomes), 'test')}, {len(failed)} failed")
    context.exit(1 if failed else 0)


def _is_in(location: "Location", file: Path | None) -> bool:
    return file is None or Path(location.file).resolve() == file.resolve()


def _update(results: Sequence["TestResult"], rule_set: "RuleSet") -> list["TestResult"]:
    from parsers.testing.update import update_tests

    changed, kept = update_tests(results)
    for file, number in changed.items():
        click.echo(f"{file}: {count(number, 'test')} updated; review with `git diff`")
    return kept


def _tell_coverage(rule_set: "RuleSet", file: Path | None, *, in_full: bool) -> None:
    from parsers.coverage.measure import measure_coverage

    covered: Coverage = measure_coverage(rule_set)
    items = [item for item in covered.items if _is_in(item.location, file)]
    if in_full:
        for item in items:
            if not item.is_exercised:
                click.echo(f"{item.location}: no test exercises {item.what} of rule '{item.rule}'")
    kinds = dict.fromkeys(item.kind for item in items)
    parts = []
    for kind in kinds:
        of_kind = [item for item in items if item.kind == kind]
        parts.append(f"{sum(item.is_exercised for item in of_kind)} of {count(len(of_kind), kind)}")
    if parts:
        click.echo(f"coverage: {', '.join(parts)}")


def _run_burst_tests(checked: Checked, file: Path | None) -> tuple[Outcome, ...]:
    from pipeline.stages.burst_test import run_burst_tests

    results = (result for rule in checked.bursts for result in run_burst_tests(rule))
    return tuple(_to_burst_outcome(result) for result in results if _is_in(result.location, file))


def _to_outcome(result: "TestResult") -> Outcome:
    from parsers.testing.report import describe_failure

    failure = "" if result.passed else describe_failure(result)
    return Outcome(result.rule, result.test.name, result.location, failure)


def _to_burst_outcome(result: "BurstTestResult") -> Outcome:
    from parsers.testing.report import describe_place

    lines = [describe_place(result.location, "burst rule", result.rule, result.test)]
    lines += [f"    {difference}" for difference in result.differences]
    failure = "" if result.is_passed else "\n".join(lines)
    return Outcome(result.rule, result.test, result.location, failure)


def _write_junit(outcomes: Sequence[Outcome], path: Path) -> None:
    from xml.etree import ElementTree

    failures = sum(bool(outcome.failure) for outcome in outcomes)
    suite = ElementTree.Element("testsuite", name="rules", tests=str(len(outcomes)), failures=str(failures))
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=outcome.rule,
            name=escape(outcome.name or f"line {outcome.location.line}"),
            file=outcome.location.file,
            line=str(outcome.location.line),
        )
        if outcome.failure:
            head = outcome.failure.split("\n", 1)[0]
            ElementTree.SubElement(case, "failure", message=head).text = outcome.failure
    path.write_bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))

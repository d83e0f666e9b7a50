import re
from pathlib import Path

import pytest

from parsers.burst_model import BurstRule
from parsers.bursts import load_burst_rules, parse_burst_rules
from parsers.shipped import shipped_rules_directory
from pipeline.stages.burst_test import run_burst_tests

HEAD = "{name: x, condition: {gte: 3}, group_by: [host.name], filter: {log.level: error}, tests: [{name: t, "


def differences(test: str) -> tuple[str, ...]:
    (rule,) = parse_burst_rules(HEAD + test + "}]}")
    (result,) = run_burst_tests(rule)
    assert result.is_passed is not bool(result.differences)
    return result.differences


@pytest.mark.parametrize("rule", load_burst_rules(shipped_rules_directory()), ids=lambda rule: rule.name)
def test_the_tests_of_shipped_burst_rules_pass(rule: BurstRule) -> None:
    results = run_burst_tests(rule)

    assert len(results) == len(rule.tests) > 0
    assert [result for result in results if not result.is_passed] == []


def test_exactly_the_expected_bursts_pass() -> None:
    events = "events: [{log.level: error, host.name: a, repeat: 3, every: 1s}], "

    assert differences(events + "expect: [{host.name: a, count: 3, start: 0s}]") == ()
    assert differences(events + "expect: [{host.name: a, count: 3}]") == ()


def test_a_burst_that_is_missing_and_one_too_many_are_told() -> None:
    events = "events: [{log.level: error, host.name: a, repeat: 4, at: 70s}], "

    assert differences(events + "expect: []") == (
        'unexpected burst of 4 in {"host.name":"a"} from the first event -10s',
    )
    assert differences(events + "expect: [{host.name: a, count: 3}]") == (
        'no burst of 3 in {"host.name":"a"}',
        'unexpected burst of 4 in {"host.name":"a"} from the first event -10s',
    )
    assert len(differences(events + "expect: [{count: 4}]")) == 2
    assert len(differences(events + "expect: [{host.name: a, count: 4, start: 0s}]")) == 2


def test_no_burst_at_all_names_the_threshold() -> None:
    found = differences("events: [{log.level: error, repeat: 2}], expect: [{count: 2}]")

    assert found == ("no burst of 2 in {}", "no window reached the threshold of 3")


def test_events_are_taken_for_those_of_the_rules_sources_unless_they_say_otherwise() -> None:
    text = """
name: x
rules: [sshd, su]
datasets: ['linux.*', system.auth]
condition: {gte: 1}
filter: {tags: [a]}
tests:
  - {events: [{tags: [b, a]}], expect: [{count: 1}]}
  - {events: [{tags: [a], rule.name: other}], expect: []}
  - {events: [{tags: [a], event.dataset: nginx.access}], expect: []}
  - {events: [{tags: [a], event.dataset: linux.su, rule.name: su}], expect: [{count: 1}]}
  - {events: [{tags: [c]}], expect: []}
"""
    (rule,) = parse_burst_rules(text)

    assert [result.differences for result in run_burst_tests(rule)] == [()] * 5


def test_the_rule_shown_in_the_documentation_is_sound_and_passes_its_tests() -> None:
    page = Path(__file__).parents[3] / "docs" / "bursts.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)

    rules = [rule for text in shown for rule in parse_burst_rules(text, str(page))]

    assert [rule.name for rule in rules] == ["failed_logins"]
    assert all(result.is_passed for rule in rules for result in run_burst_tests(rule))

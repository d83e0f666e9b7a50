"""Each kind of finding, and that sound rules give none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import is_error
from parsers.lint.lint import lint_rules
from parsers.lint.sample import make_samples
from parsers.load import parse_rules
from parsers.patterns.dialect import read_pattern
from parsers.patterns.extract import build_extractor
from parsers.patterns.fragments import FRAGMENTS
from parsers.ruleset import build_rule_set


def lint(text: str) -> list[str]:
    return [str(problem) for problem in lint_rules(build_rule_set(parse_rules(text, "rules.yml")))]


def rule(pattern: str, more: str = "", name: str = "app") -> str:
    return f"name: {name}\npatterns:\n  - '{pattern}'\n{more}\n"


def test_a_sound_rule_gives_no_finding() -> None:
    assert lint(rule(r"^(?P<ts>\S+) (?P<log.level>\w+) (?P<message>.*)$", "timestamp: {field: ts}")) == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?=.)(?P<message>(?:a+)+)$",
        r"^(?!x)(?P<message>(?:\w|\d)*)-$",
        r"^(?<!x)(?:(?P<message>.*),){20}y$",
    ],
)
def test_catastrophic_patterns_are_errors_with_an_attack(pattern: str) -> None:
    problems = lint_rules(build_rule_set(parse_rules(rule(pattern), "rules.yml")))
    errors = [problem for problem in problems if is_error(problem)]
    assert len(errors) == 1, problems
    assert "the pattern backtracks without end" in errors[0].message
    assert (errors[0].location.line, errors[0].location.column) == (3, 6)


def test_the_same_structure_is_no_danger_in_an_engine_of_linear_time() -> None:
    assert lint(rule(r"^(?P<message>(?:a+)+)$")) == []


def test_look_around_alone_is_no_danger() -> None:
    assert lint(rule(r"^(?!x)(?P<log.level>\w+) (?P<message>.*)$")) == []


def test_missing_anchors() -> None:
    assert lint(rule(r"(?P<log.level>INFO|WARN) (?P<message>.*)$")) == [
        "rules.yml:3:6: warning: the pattern may begin anywhere in the line; "
        "begin it with ^, so that it takes no other program's lines"
    ]
    assert "may end anywhere" in lint(rule(r"^(?P<log.level>INFO|WARN)"))[0]
    assert lint(rule(r"^(?P<message>a.*)$|^(?P<log.level>b)$")) == []


def test_a_shadowed_rule_is_found_and_a_test_that_reaches_it_silences_it() -> None:
    loud = rule(r"^(?P<log.level>\w+) (?P<message>.*)$", "priority: 5", "loud")
    quiet = rule(r"^(?P<log.level>INFO|WARN) (?P<process.pid>\d+) (?P<message>.*)$", name="quiet")
    found = lint(f"{loud}---\n{quiet}")
    assert found == [
        "rules.yml:8:6: warning: pattern 1 of rule 'quiet' is shadowed: pattern 1 of rule 'loud' takes the lines that "
        "it would take; put it first, raise the rule's priority, or remove it; a test that reaches it silences this"
    ]
    assert lint(f"{quiet}---\n{loud.replace('priority: 5', 'priority: -5')}") == []


def test_a_pattern_shadowed_inside_its_own_rule() -> None:
    text = "name: app\npatterns: ['^(?P<message>\\w+.*)$', '^(?P<log.level>[A-Z]+): (?P<message>.*)$']\n"
    assert "pattern 2 of rule 'app' is shadowed: pattern 1 of rule 'app'" in lint(text)[0]


def test_ecs_names_types_and_values() -> None:
    found = lint(
        rule(
            r"^(?P<source.adress>\S+) (?P<process>\S+) (?P<source.port>\d+) (?P<message>.*)$",
            "types: {source.port: boolean}\nset: {event.category: [websites], event.outcome: ok}",
        )
    )
    assert "rules.yml:3:6: warning: ECS has no field 'source.adress'; did you mean 'source.address'?" in found
    assert any("'process' is an object in ECS and cannot hold a value" in text for text in found)
    assert any("'source.port' is of type long in ECS, not boolean" in text for text in found)
    assert any("ECS does not allow 'websites' in event.category" in text for text in found)
    assert any("ECS does not allow 'ok' in event.outcome" in text for text in found)


def test_a_capture_that_nothing_uses() -> None:
    found = lint(rule(r"^(?P<junk>\S+) (?P<message>.*)$"))
    assert len(found) == 1
    assert "the capture 'junk' is used by nothing" in found[0]
    assert (
        lint(rule(r"^(?P<kind>\S+) (?P<message>.*)$", "map: {log.level: {from: kind, values: {a: info}}}"))
        == []
    )


def test_two_types_for_one_field_of_a_dataset_are_an_error() -> None:
    first = rule(r"^a (?P<shop.size>\d+)$", "dataset: shop.log\ntypes: {shop.size: long}", "one")
    second = rule(r"^b (?P<shop.size>\S+)$", "dataset: shop.log", "two")
    found = lint(f"{first}---\n{second}")
    assert any("error: 'shop.size' is keyword here and long in rule 'one' of the same dataset 'shop.log'" in text
               for text in found)  # fmt: skip
    assert not any("error" in text for text in lint(f"{first}---\n{second.replace('shop.log', 'other.log')}"))


@given(st.from_regex(r"\A[abc1](?:[abc1]|\(\?:[ab]\|[bc]+\)[?*+]?|\[a-c\][+*?]?|\\d\{1,3\}){0,6}\Z"))
def test_samples_are_matched_by_their_pattern(text: str) -> None:
    pattern = read_pattern(f"^{text}$", FRAGMENTS)
    samples = make_samples(pattern)
    assert samples
    import polars as pl

    assert build_extractor(pattern).extract(pl.Series(list(samples))).matched is None

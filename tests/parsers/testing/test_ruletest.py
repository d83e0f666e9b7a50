import polars as pl
import pytest

from parsers.load import parse_rules
from parsers.model import RuleTest, Value
from parsers.ruleset import build_rule_set
from parsers.testing.ruletest import Difference, TestResult, build_line_frame, compare, run_tests

RULE = r"""
name: app
dataset: app.log
when: {log.file.path: '*/app.log'}
patterns: ['^(?P<ts>\S+) (?P<log.level>\w+) (?P<process.pid>\d+) (?P<message>.*)$']
timestamp: {field: ts}
types: {process.pid: long}
set: {event.category: [web, api]}
multiline: {continuation: '^\s', field: error.stack_trace}
tests:
  - name: the test
    line: '2026-05-01T10:00:00Z WARN 42 it is done'
    context: {log.file.path: /var/app.log}
    expect: %s
"""


def run_one(expect: str, extra: str = "") -> TestResult:
    (result,) = run_tests(build_rule_set(parse_rules(RULE % expect + extra, "a.yml")))
    return result


@pytest.mark.parametrize(
    "expect",
    [
        "{}",
        "{process.pid: 42, log.level: warn}",
        "{process: {pid: 42}, log: {level: warn}}",
        "{process.pid: 42.0}",
        "{'@timestamp': 2026-05-01T10:00:00.000Z}",
        "{'@timestamp': 2026-05-01T12:00:00+02:00}",
        "{event.category: [web, api]}",
        "{event.reason: null}",
        "{event.dataset: app.log, rule.name: app, message: it is done}",
    ],
)
def test_a_test_passes_when_the_fields_have_the_values(expect: str) -> None:
    result = run_one(expect)

    assert result.differences == ()
    assert result.passed
    assert result.taken_by == "app"


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ("{process.pid: 43}", "process.pid: expected 43, got 42"),
        ("{process.pid: '42'}", 'process.pid: expected "42", got 42'),
        ("{log.level: WARN}", 'log.level: expected "WARN", got "warn"'),
        ("{event.category: [api, web]}", 'event.category: expected ["api", "web"], got ["web", "api"]'),
        ("{event.category: web}", 'event.category: expected "web", got ["web", "api"]'),
        ("{event.reason: x}", 'event.reason: expected "x", got nothing'),
        ("{message: null}", 'message: expected nothing, got "it is done"'),
        ("{'@timestamp': 2026-05-01T10:00:00+02:00}",
         '@timestamp: expected "2026-05-01T10:00:00+02:00", got "2026-05-01T10:00:00.000Z"'),
        ("{process: 42}", "process: expected 42, got nothing"),
    ],
)  # fmt: skip
def test_a_test_fails_with_a_difference_to_read(expect: str, difference: str) -> None:
    result = run_one(expect)

    assert not result.passed
    assert [str(item) for item in result.differences] == [difference]


def test_an_exact_test_knows_every_field() -> None:
    fields = "{log.level: warn, event.severity: 13, process.pid: 42, event.category: [web, api]}"

    assert run_one(fields, "    exact: true\n").passed
    failed = run_one("{log.level: warn, event.severity: 13, process.pid: 42}", "    exact: true\n")
    assert failed.differences == (Difference("event.category", None, ["web", "api"]),)


def test_no_match_means_that_another_rule_or_none_takes_the_line() -> None:
    rules = parse_rules(
        r"""
name: first
patterns: ['^a(?P<message>.*)$']
tests:
  - {name: none takes it, line: b, expect: no_match}
  - {name: another takes it, line: cx, expect: no_match}
  - {name: it takes it, line: ax, expect: no_match}
  - {name: another takes what it wants, line: cx, expect: {}}
  - {name: none takes what it wants, line: d, expect: {message: d}}
---
name: second
patterns: ['^c(?P<message>.*)$']
"""
    )

    results = run_tests(build_rule_set(rules))

    assert [(result.passed, result.taken_by) for result in results] == [
        (True, None),
        (True, "second"),
        (False, "first"),
        (False, "second"),
        (False, None),
    ]
    assert results[3].differences == (Difference("rule.name", "first", "second"),)


def test_all_tests_of_all_rules_run_in_one_batch_and_in_order() -> None:
    texts = [
        f"name: r{i}\npatterns: ['^r{i} (?P<process.pid>\\d+)$']\ntests:\n"
        + "".join(
            f"  - {{line: r{i} {j}, expect: {{process.pid: {j if j != 3 else 4}}}}}\n" for j in range(5)
        )
        for i in range(4)
    ]

    results = run_tests(build_rule_set(parse_rules("---\n".join(texts))))

    assert [(result.rule, result.passed) for result in results] == [
        (f"r{i}", j != 3) for i in range(4) for j in range(5)
    ]


def test_a_rule_set_without_tests_has_no_results() -> None:
    assert run_tests(build_rule_set(parse_rules("name: a\npatterns: ['^x$']\n"))) == ()


def test_the_record_s_time_gives_the_year() -> None:
    (result,) = run_tests(
        build_rule_set(
            parse_rules(
                r"""
name: short
patterns: ['^(?P<_when>\w+ \d+ [\d:]+) (?P<message>.*)$']
timestamp: {field: _when, formats: '%b %d %H:%M:%S'}
tests:
  - line: Dec 31 23:59:59 x
    time: 2024-01-01T00:00:00Z
    expect: {'@timestamp': 2023-12-31T23:59:59Z}
"""
            )
        )
    )

    assert result.differences == ()


def test_an_event_of_several_lines_loses_only_its_last_newline() -> None:
    frame = build_line_frame([RuleTest("a\n  b\n"), RuleTest("a\n\n"), RuleTest("a")])

    assert frame["event.original"].to_list() == ["a\n  b", "a\n", "a"]


def test_context_becomes_typed_columns() -> None:
    contexts: list[dict[str, Value]] = [
        {"log.offset": 7, "tags": ["a", "b"], "labels.x": "t", "event.created": "2026-07-01T10:00:00Z"},
        {"tags": "c", "labels.x": 5, "labels.ok": True, "labels.share": 0.5},
        {},
    ]

    frame = build_line_frame([RuleTest("x", context=context) for context in contexts])

    assert frame["log.offset"].to_list() == [7, None, None]
    assert frame["tags"].to_list() == [["a", "b"], ["c"], None]
    assert frame["labels.x"].to_list() == ["t", "5", None]
    assert frame["labels.ok"].to_list() == [None, True, None]
    assert frame["labels.share"].to_list() == [None, 0.5, None]
    assert frame["event.created"].dtype == pl.Datetime("ms", "UTC")
    assert frame["_time"].to_list() == [1_782_864_000_000] * 3


def test_true_is_not_one() -> None:
    assert compare({"a": True, "b": 1, "c": [1]}, {"a": 1, "b": True, "c": [True]}) == (
        Difference("a", True, 1),
        Difference("b", 1, True),
        Difference("c", [1], [True]),
    )


def test_nested_and_dotted_documents_compare_the_same() -> None:
    assert (
        compare({"a": {"b": 1, "c": {"d": [1, {"e": 2}]}}}, {"a.b": 1.0, "a": {"c.d": [1.0, {"e": 2}]}}) == ()
    )

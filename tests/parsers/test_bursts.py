from pathlib import Path

import pytest

from parsers.burst_model import TEST_BASE, BurstFilter
from parsers.bursts import check_burst_rules, find_burst_files, load_burst_rules, parse_burst_rules
from parsers.errors import RuleError
from parsers.shipped import shipped_rules_directory

WHOLE = """
name: nginx_error_burst
type: frequency
description: many
rules: [nginx_error]
datasets: nginx.*
filter:
  log.level: [error, crit*]
  http.response.status_code: {gte: 500, lt: 600}
  event.outcome: failure
group_by: host.name
timeframe: 5m
grace: {minutes: 1, seconds: 30}
condition: {gt: 99}
level: critical
tests:
  - name: one
    events:
      - {log.level: error, tags: [x], repeat: 100, every: 0.5s, at: 10s}
      - {log: {level: crit}, at: '2026-01-01T00:01:00Z'}
    expect:
      - {host.name: a, count: 100, start: 0s}
  - {events: [{a: 1}], expect: []}
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(RuleError) as caught:
        parse_burst_rules(text, "x.yml")
    return str(caught.value).splitlines()


def test_a_whole_rule_is_read() -> None:
    (rule,) = parse_burst_rules(WHOLE)

    assert (rule.name, rule.threshold, rule.level, rule.description) == (
        "nginx_error_burst",
        100,
        "critical",
        "many",
    )
    assert (rule.timeframe, rule.grace) == (300_000, 90_000)
    assert (rule.rules, rule.datasets, rule.group_by) == (("nginx_error",), ("nginx.*",), ("host.name",))
    assert rule.filter == (
        BurstFilter("log.level", ("error",), ("crit*",)),
        BurstFilter("http.response.status_code", bounds={"gte": 500, "lt": 600}),
        BurstFilter("event.outcome", ("failure",)),
    )
    first, second = rule.tests
    assert first.events[0].fields == {"log.level": "error", "tags": ["x"]}
    assert (first.events[0].repeat, first.events[0].every, first.events[0].at) == (
        100,
        500,
        TEST_BASE + 10_000,
    )
    assert (first.events[1].fields, first.events[1].at) == ({"log.level": "crit"}, TEST_BASE + 60_000)
    assert (first.expect[0].group, first.expect[0].count, first.expect[0].start) == (
        {"host.name": "a"},
        100,
        TEST_BASE,
    )
    assert second.expect == ()


def test_what_is_left_out_has_defaults() -> None:
    (rule,) = parse_burst_rules("{name: x, condition: {gte: 5}}")

    assert (rule.threshold, rule.timeframe, rule.grace, rule.level) == (5, 60_000, 30_000, "medium")
    assert not any((rule.rules, rule.datasets, rule.filter, rule.group_by, rule.tests))


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("500ms", None),
        ("1s", 1000),
        ("1.5m", 90_000),
        ("2 h", 7_200_000),
        ("1d", 86_400_000),
        ("{hours: 1}", 3_600_000),
    ],
)
def test_durations_have_units(written: str, length: int | None) -> None:
    text = f"{{name: x, condition: {{gte: 5}}, timeframe: {written}}}"
    if length is None:
        assert "'timeframe' must be between 1s and 1d, not 500ms" in problems_of(text)[0]
    else:
        assert parse_burst_rules(text)[0].timeframe == length


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("type: spike", "1:43: error: 'type' cannot be 'spike'; use one of frequency"),
        ("realert: {minutes: 10}", "1:37: error: burst rules have no 'realert'; remove it: every window"),
        ("num_events: 5", "burst rules have no 'num_events'; write condition: {gte: ...}"),
        ("timespan: 1h", "burst rules have no 'timespan'; write timeframe: ..."),
        ("timefram: 1m", "unknown key 'timefram' in a burst rule; did you mean 'timeframe'?"),
        ("timeframe: 60", "'timeframe' must be a duration, not '60'; write a number with its unit"),
        ("timeframe: {minute: 1}", "unknown key 'minute' in 'timeframe'; did you mean 'minutes'?"),
        ("timeframe: {minutes: -1}", "'minutes' must be a number, not '-1'"),
        ("timeframe: {}", "'timeframe' is empty; give it a duration"),
        ("timeframe: [1m]", "'timeframe' must be a duration, not a list"),
        ("grace: 2d", "'grace' must be between 0s and 1d, not 2d"),
        ("level: hihg", "'level' cannot be 'hihg'; did you mean 'high'?"),
        ("group_by: [host.name, host.name]", "'group_by' holds 'host.name' twice"),
        ("group_by: ['@timestamp']", "'group_by' cannot hold '@timestamp'"),
        ("group_by: ['host name']", "'host name' is not a field name"),
        ("group_by: [a, b, c, d, e, f, g, h, i, j, k]", "'group_by' holds 11 fields; 10 are the most"),
        ("rules: [Nginx]", "'Nginx' cannot be a rule's name"),
        ("datasets: ['nginx.[']", "the glob 'nginx.[' has a [ without its ]"),
        ("filter: error", "'filter' must be a mapping of keys, not 'error'"),
        ("filter: {log.level: {gte: high}}", "'gte' must be a number, not 'high'"),
        (
            "filter: {log.level: {ge: 5}}",
            "unknown key 'ge' in the filter for 'log.level'; did you mean 'gte'?",
        ),
        ("filter: {log.level: {}}", "the filter for 'log.level' is empty"),
        ("filter: {log.level: [a, [b]]}", "the filter for 'log.level' cannot hold a list"),
        ("filter: {log.level: null}", "cannot hold nothing; a filter names values"),
        ("filter: {log.level: ['x[']}", "the glob 'x[' has a [ without its ]"),
        ("tests: [{events: [{a: 1}]}]", "a test has no 'expect'"),
        ("tests: [{events: [5], expect: []}]", "an event must be a mapping of fields, not '5'"),
        (
            "tests: [{events: [{a: 1, repeat: 0}], expect: []}]",
            "'repeat' must be between 1 and 100000, not 0",
        ),
        ("tests: [{events: [{a: 1, at: noon}], expect: []}]", "'at' must be a duration, not 'noon'"),
        ("tests: [{events: [{a: 1}], expect: [{a: 1}]}]", "the burst has no 'count'"),
        ("tests: [{events: [{a: 1}], expect: [no]}]", "a burst must be a mapping of fields, not 'no'"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_mend(line: str, message: str) -> None:
    problems = problems_of("{name: x, condition: {gte: 5},      " + line + "}")

    assert len(problems) == 1
    assert problems[0].startswith("x.yml:1:")
    assert message in problems[0]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{gte: 0}", "'gte' must be between 1 and"),
        ("{gte: many}", "'gte' must be a whole number"),
        ("{lt: 5}", "unknown key 'lt' in 'condition'"),
        ("{gte: 5, gt: 4}", "'condition' must have one comparison, not 2"),
        ("{}", "'condition' must have one comparison, not 0"),
        ("10", "'condition' must be a mapping of keys, not '10'"),
    ],
)
def test_a_condition_is_one_comparison(condition: str, message: str) -> None:
    assert message in problems_of(f"{{name: x, condition: {condition}}}")[0]


def test_all_mistakes_are_told_at_once() -> None:
    problems = problems_of("name: X\ntype: spike\nlevel: loud\n---\n- 5\n---\ncondition: {gte: 1}\n")

    assert [problem.split(":")[1] for problem in problems] == ["1", "1", "2", "3", "5", "7"]


def test_names_are_unique() -> None:
    problems = problems_of("{name: x, condition: {gte: 1}}\n---\n{name: x, condition: {gte: 1}}\n")

    assert problems == [
        "x.yml:3:1: error: duplicate burst rule 'x'; it is also at x.yml:1:1; rename one of them"
    ]


def test_a_field_that_is_nearly_one_of_ecs_is_a_warning_and_own_fields_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "bursts"
    folder.mkdir()
    tests = "tests: [{events: [{a: 1}], expect: []}]"
    (folder / "x.yml").write_text(
        "{name: x, condition: {gte: 1}, filter: {log.levle: a, app.level: b}, " + tests + "}"
    )

    rules, problems = check_burst_rules(tmp_path)

    assert [rule.name for rule in rules] == ["x"]
    assert [str(problem).split(": ", 1)[1] for problem in problems] == [
        "warning: 'log.levle' is no ECS field; did you mean 'log.level'?"
    ]
    assert load_burst_rules(tmp_path) == rules


def test_only_what_lies_in_a_folder_called_bursts_is_a_burst_rule(tmp_path: Path) -> None:
    for name in (
        "nginx.yml",
        "bursts/b.yml",
        "bursts/deep/a.yaml",
        "team/bursts/c.yml",
        "bursts/.hidden.yml",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{{name: {file.stem.strip('.')}, condition: {{gte: 1}}}}")

    assert [rule.name for rule in load_burst_rules(tmp_path)] == ["b", "a", "c"]
    assert [rule.name for rule in load_burst_rules(tmp_path / "bursts")] == ["b", "a"]
    assert len(find_burst_files(tmp_path)) == 3


def test_a_rules_directory_may_have_no_burst_rules_but_must_exist(tmp_path: Path) -> None:
    assert load_burst_rules(tmp_path) == ()
    assert load_burst_rules(tmp_path / "bursts") == ()
    with pytest.raises(RuleError, match="there is no such directory"):
        load_burst_rules(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(RuleError, match="is not a directory"):
        load_burst_rules(tmp_path / "file")


def test_checking_asks_for_tests_and_for_parse_rules_that_exist(tmp_path: Path) -> None:
    folder = tmp_path / "bursts"
    folder.mkdir()
    (folder / "x.yml").write_text("name: x\nrules: [sshd, ngnix]\ncondition: {gte: 1}\n")
    (folder / "y.yml").write_text("")

    _, problems = check_burst_rules(tmp_path, parse_rules=["nginx", "sshd"])

    assert [str(problem).removeprefix(str(folder)) for problem in problems] == [
        "/x.yml:1:1: error: burst rule 'x' has no tests; add 'tests:' with events and the bursts expected of them",
        "/x.yml:2:15: error: there is no parse rule 'ngnix'; did you mean 'nginx'?",
        "/y.yml:1:1: error: the file holds no burst rule; remove it, or write one",
    ]


def test_the_shipped_burst_rules_are_sound() -> None:
    rules, problems = check_burst_rules(shipped_rules_directory())

    assert problems == ()
    assert {"errors", "http_server_errors"} <= {rule.name for rule in rules}

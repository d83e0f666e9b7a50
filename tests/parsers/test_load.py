import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.errors import Problem, RuleError
from parsers.load import check_rules, find_rule_files, load_rules, parse_rules
from parsers.model import Condition, Location, Multiline, Pattern, Rule, RuleTest, Timestamp, ValueMap
from parsers.reading.read_pattern import find_captures
from parsers.reading.read_rule import RULE_KEYS
from parsers.shipped import shipped_rules_directory

WHOLE = r"""
name: nginx_error
status: experimental
description: nginx error log
priority: 5
when: {log.file.path: ["*/nginx/error.log*"], process.name: nginx}
patterns:
  - '^(?P<ts>\S+ \S+) \[(?P<log.level>\w+)\] %{INT:process.pid}: (?P<message>.*)$'
  - match: '^(?P<ts>\S+) %{CODE:http.response.status_code} (?P<_word>\w+)$'
    set: {event.outcome: success, event: {reason: none}}
timestamp: {field: ts, formats: '%Y/%m/%d %H:%M:%S', timezone: Europe/Berlin}
types: {process.pid: long}
set: {event.category: [web], event.type: [error]}
map:
  log.level: {warn: warning, 'no': notice}
  event.outcome: {from: http.response.status_code, values: {200: success}, default: unknown}
multiline: {continuation: '^\s', field: error.stack_trace, max_lines: 10, max_bytes: 1MB}
fragments: {CODE: '\d{3}'}
tests:
  - name: first
    line: |
      a
      b
    expect: {'@timestamp': 2016-10-25T14:49:34.000Z, log: {level: error}, process.pid: 54053}
    exact: true
    context: {log.file.path: /var/log/nginx/error.log}
    time: 2016-10-26T00:00:00Z
  - {line: hello, expect: no_match}
---
name: nginx_error_body
dataset: nginx.body
after: nginx_error
field: message
format: json
rename: {level: log.level}
---
name: nginx_error_third
after: [nginx_error, nginx_error_body]
multiline: {start: '^\d'}
patterns: '^x$'
"""


def test_a_rule_file_becomes_rules() -> None:
    first, second, third = parse_rules(WHOLE, "a.yml")

    assert first == Rule(
        name="nginx_error",
        dataset="nginx.error",
        description="nginx error log",
        status="experimental",
        priority=5,
        when=((Condition("log.file.path", ("*/nginx/error.log*",)), Condition("process.name", ("nginx",))),),
        patterns=(
            Pattern(r"^(?P<ts>\S+ \S+) \[(?P<log.level>\w+)\] %{INT:process.pid}: (?P<message>.*)$"),
            Pattern(
                r"^(?P<ts>\S+) %{CODE:http.response.status_code} (?P<_word>\w+)$",
                {"event.outcome": "success", "event.reason": "none"},
            ),
        ),
        timestamp=Timestamp("ts", ("%Y/%m/%d %H:%M:%S",), "Europe/Berlin"),
        types={"process.pid": "long"},
        set={"event.category": ["web"], "event.type": ["error"]},
        map=(
            ValueMap("log.level", "log.level", {"warn": "warning", "no": "notice"}),
            ValueMap("event.outcome", "http.response.status_code", {"200": "success"}, "unknown"),
        ),
        multiline=Multiline(r"^\s", None, "error.stack_trace", 10, 1_048_576),
        fragments={"CODE": r"\d{3}"},
        tests=(
            RuleTest(
                "a\nb\n",
                "first",
                {"@timestamp": "2016-10-25T14:49:34.000Z", "log.level": "error", "process.pid": 54053},
                True,
                {"log.file.path": "/var/log/nginx/error.log"},
                "2016-10-26T00:00:00Z",
            ),
            RuleTest("hello"),
        ),
    )
    assert second == Rule(
        "nginx_error_body", "nginx.body", after=("nginx_error",), format="json", rename={"level": "log.level"}
    )
    assert third.after == ("nginx_error", "nginx_error_body")
    assert third.multiline == Multiline(None, r"^\d")
    assert third.dataset == "nginx.error_third"


def test_parts_know_their_places() -> None:
    first, second, _ = parse_rules(WHOLE, "a.yml")

    assert first.location == Location("a.yml", 2, 1)
    assert [pattern.location for pattern in first.patterns] == [
        Location("a.yml", 8, 6),
        Location("a.yml", 9, 13),
    ]
    assert [test.location.line for test in first.tests] == [20, 28]
    assert second.location.line == 30


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        path = directory / (name.replace("__", "/") + ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


SOUND = "name: {}\npatterns: ['^{}$']\ntests: [{{line: {}, expect: {{}}}}]\n"


def sound(name: str) -> str:
    return SOUND.format(name, name, name)


def test_files_are_read_in_order_of_name_and_folders_too(tmp_path: Path) -> None:
    write(
        tmp_path, b=sound("second"), a=sound("first") + "---\n" + sound("also_first"), more__c=sound("third")
    )
    (tmp_path / "z.yaml").write_text(sound("last"))
    write(tmp_path, bursts__x="not: a rule", note="")
    (tmp_path / "note.yml").rename(tmp_path / "note.txt")
    (tmp_path / ".hidden.yml").write_text("{")

    rules = load_rules(tmp_path)

    assert [rule.name for rule in rules] == ["first", "also_first", "second", "third", "last"]
    assert rules[1].location == Location(str(tmp_path / "a.yml"), 5, 1)
    assert len(find_rule_files(tmp_path)) == 4


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    write(tmp_path, a="name: A\n", b="name: [\n", c=sound("fine") + "stats: x\n", d=r"patterns: ['(']")

    with pytest.raises(RuleError) as caught:
        load_rules(tmp_path)

    places = [(Path(p.location.file).stem, p.location.line) for p in caught.value.problems]
    assert places == [("a", 1), ("a", 1), ("b", 2), ("c", 4), ("d", 1)]
    assert str(caught.value).count("\n") == len(places) - 1


def test_patterns_that_do_not_compile_come_with_the_other_problems(tmp_path: Path) -> None:
    broken = "name: broken\npatterns: ['^(x$']\nmultiline: {continuation: '^[x'}\n"
    write(tmp_path, a=broken, b="name: B\n")

    with pytest.raises(RuleError) as caught:
        load_rules(tmp_path)

    lines = [(Path(p.location.file).stem, p.location.line, p.location.column) for p in caught.value.problems]
    assert lines[:2] == [("a", 2, 14), ("a", 3, 28)]
    assert {line[0] for line in lines[2:]} == {"b"}


def test_a_rule_used_by_a_broken_file_is_not_called_missing(tmp_path: Path) -> None:
    write(tmp_path, a="name: parent\npatterns: ['x\n", b="name: child\nafter: parent\npatterns: ['^x$']\n")

    with pytest.raises(RuleError) as caught:
        load_rules(tmp_path)

    assert [Path(p.location.file).stem for p in caught.value.problems] == ["a"]


def test_warnings_alone_do_not_stop_the_loading() -> None:
    (rule,) = parse_rules("name: a\npatterns: ['^x$']\ntypes: {process.pid: long}\n")

    assert rule.types == {"process.pid": "long"}


def test_check_asks_for_tests_and_loading_does_not(tmp_path: Path) -> None:
    write(tmp_path, a="name: a\npatterns: ['^x$']\n")

    rules, problems = check_rules(tmp_path)

    assert load_rules(tmp_path) == rules
    assert [problem.message for problem in problems] == ["rule 'a' has no tests"]


def test_a_missing_directory_a_file_and_an_empty_directory_are_errors(tmp_path: Path) -> None:
    write(tmp_path, full__a=sound("a"), bursts__b="x: y")

    with pytest.raises(RuleError, match="there is no such directory"):
        load_rules(tmp_path / "none")
    with pytest.raises(RuleError, match="is not a directory"):
        load_rules(tmp_path / "full" / "a.yml")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuleError, match="holds no rule files"):
        load_rules(tmp_path / "empty")


def test_a_pattern_over_the_limit_is_refused() -> None:
    with pytest.raises(RuleError, match="a pattern is too long: 65537 bytes"):
        parse_rules(f"name: a\npatterns: ['{'x' * 65537}']\n")


def test_a_field_may_come_from_a_parent_or_a_fragment() -> None:
    rules = parse_rules(
        """
name: parent
patterns: ['^(?P<_time>\\d+) (?P<message>.*)$']
---
name: child
after: parent
patterns: ['^%{LINE}$']
timestamp: {field: _time, formats: UNIX}
fragments: {LINE: 'x%{INT:process.pid}%{LINE}'}
types: {process.pid: long}
""".replace("%{LINE}'}", "'}")
    )

    assert [rule.name for rule in rules] == ["parent", "child"]


def test_captures_are_found_in_text() -> None:
    text = r"(?P<a.b>x)(?<c>y)%{INT:d.e:long}%{OWN}(?:z)(?<=q)(?<!r)(?P=a)%{INT}"

    assert find_captures(text, {"OWN": "(?P<own>.)%{OWN}%{OTHER:f}"}) == {"a.b", "c", "d.e", "own", "f"}


def test_a_long_chain_of_rules_is_read() -> None:
    rules = ["name: r0\npatterns: ['^(?P<message>.*)$']\n"]
    rules += [f"name: r{i}\nafter: r{i - 1}\npatterns: ['^(?P<message>.*)$']\n" for i in range(1, 60)]
    circle = [f"name: c{i}\nafter: c{(i + 1) % 60}\npatterns: [x]\n" for i in range(60)]

    with pytest.raises(RuleError) as caught:
        parse_rules("---\n".join(rules + circle))

    assert [problem.message[:18] for problem in caught.value.problems] == ["rules go round in "]


def test_problems_survive_a_process_boundary() -> None:
    error = RuleError([Problem(Location("a.yml", 3, 7), "unknown key 'patern'", "did you mean 'patterns'?")])

    again = pickle.loads(pickle.dumps(error))

    assert again.problems == error.problems
    assert str(again) == "a.yml:3:7: error: unknown key 'patern'; did you mean 'patterns'?"


def test_the_shipped_rules_are_found() -> None:
    assert find_rule_files(shipped_rules_directory())


SCALARS = st.sampled_from(
    ["x", "no", "010", "7", "-1", "''", "'^(?P<a.b>.*)$'", "[", "~", "2026-07-01", "parent", "json"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.dictionaries(
            st.sampled_from(
                [*RULE_KEYS, "match", "line", "expect", "from", "values", "start", "a.b", "formats"]
            ),
            inner,
            max_size=4,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"),
    ),
    max_leaves=8,
)
RULES = st.lists(
    st.lists(st.tuples(st.sampled_from(RULE_KEYS), VALUES), max_size=8).map(
        lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs)
    ),
    min_size=1,
    max_size=3,
).map("---\n".join)


@given(st.one_of(RULES, st.text(alphabet="name:patterns -[]{}'\"\n*&%x", max_size=60)))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_rules_or_rule_error(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    rules: tuple[Rule, ...] = ()
    try:
        rules = parse_rules(text, "a.yml")
    except RuleError as error:
        problems = error.problems

    assert all(problem.location.file == "a.yml" for problem in problems)
    assert all(rule.name for rule in rules)
    assert not (rules and problems)

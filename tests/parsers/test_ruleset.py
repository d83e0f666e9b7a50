import json
import time
from typing import Any

import polars as pl
import pytest

from parsers.document import to_documents
from parsers.errors import RuleError
from parsers.load import parse_rules
from parsers.ruleset import RuleSet, build_rule_set

NOW = 1_795_392_000_000  # 2026-11-23T00:00:00Z

RULES = r"""
name: access
dataset: web.access
patterns:
  - '^%{IPORHOST:source.address} \[%{HTTPDATE:ts}\] "(?P<url.original>[^"]*)" %{INT:http.response.status_code}$'
timestamp: {field: ts, formats: ['%d/%b/%Y:%H:%M:%S %z']}
set: {event.category: [web], url.original: /}
tests: [{line: x, expect: no_match}]
---
name: syslog
dataset: system.syslog
patterns:
  - '^%{SYSLOGTIMESTAMP:ts} %{HOSTNAME:host.hostname} %{PROG:process.name}(?:\[%{INT:process.pid}\])?: (?P<message>.*)$'
timestamp: {field: ts, formats: ['%b %e %H:%M:%S']}
set: {event.category: [host], event.module: system}
tests: [{line: x, expect: no_match}]
---
name: sshd
dataset: system.auth
after: syslog
when: {process.name: 'sshd*'}
patterns:
  - match: '^Accepted (?P<method>\S+) for (?P<user.name>\S+) from %{IP:source.ip}$'
    set: {event.outcome: success}
  - '^Failed (?P<method>\S+) for (?P<user.name>\S+)(?: from %{IP:source.ip})?$'
set: {event.category: [authentication], event.outcome: failure}
tests: [{line: x, expect: no_match}]
---
name: java
dataset: java
patterns: ['^%{TIMESTAMP_ISO8601:ts} (?P<log.level>[A-Z]+) (?P<message>.*)$']
timestamp: {field: ts}
multiline: {continuation: '^\s', field: error.stack_trace}
map: {log.level: {LOUD: Warning}}
tests: [{line: x, expect: no_match}]
---
name: picky
dataset: picky
priority: 10
when: {log.file.path: '/var/log/picky*'}
patterns: ['^(?P<a>\w+) (?!bar)(?P<b>\w+)$', '^(?P<a>\w+) (?P<c>bar)$']
tests: [{line: x, expect: no_match}]
"""


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return build_rule_set(parse_rules(RULES))


def parse(rules: RuleSet, *lines: str, **context: object) -> list[dict[str, object]]:
    frame = pl.DataFrame({"event.original": lines}).with_columns(
        pl.lit(NOW).alias("_time"),
        *(pl.lit(value).alias(name.replace("__", ".")) for name, value in context.items()),
    )
    batch = rules.parse(frame)
    parts = [block.frame.select("_row").with_columns(to_documents(block.frame)) for block in batch.blocks]
    return [json.loads(text) for text in pl.concat(parts).sort("_row")["document"]]


def test_a_parsed_line_is_an_ecs_event(rules: RuleSet) -> None:
    line = '10.0.0.1 [22/Nov/2026:10:00:00 +0100] "/x" 500'

    assert parse(rules, line) == [
        {
            "@timestamp": "2026-11-22T09:00:00.000Z",
            "event": {"original": line, "kind": "event", "dataset": "web.access", "category": ["web"]},
            "message": line,
            "source": {"address": "10.0.0.1"},
            "url": {"original": "/x"},
            "http": {"response": {"status_code": 500}},
            "rule": {"name": "access"},
            "ecs": {"version": "9.5.0"},
        }
    ]


def test_a_fixed_field_fills_in_where_nothing_was_captured(rules: RuleSet) -> None:
    document = parse(rules, '10.0.0.1 [22/Nov/2026:10:00:00 +0100] "-" 500')[0]

    assert document["url"] == {"original": "/"}


def test_an_unparsed_line_is_kept_whole(rules: RuleSet) -> None:
    assert parse(rules, "what is this") == [
        {
            "@timestamp": "2026-11-23T00:00:00.000Z",
            "event": {"original": "what is this", "kind": "pipeline_error", "dataset": "generic"},
            "message": "what is this",
            "tags": ["_unparsed"],
            "ecs": {"version": "9.5.0"},
        }
    ]


def test_a_chained_rule_reads_on_and_its_fields_win(rules: RuleSet) -> None:
    document = parse(rules, "Nov  3 10:00:00 web-1 sshd[7]: Accepted publickey for eve from 1.2.3.4")[0]

    assert document["rule"] == {"name": "sshd"}
    assert document["event"] == {
        "original": "Nov  3 10:00:00 web-1 sshd[7]: Accepted publickey for eve from 1.2.3.4",
        "kind": "event", "dataset": "system.auth", "category": ["authentication"], "module": "system",
        "outcome": "success",
    }  # fmt: skip
    assert document["process"] == {"name": "sshd", "pid": 7}
    assert document["message"] == "Accepted publickey for eve from 1.2.3.4"
    assert document["@timestamp"] == "2026-11-03T10:00:00.000Z"


def test_a_chained_rule_that_is_not_routed_leaves_the_header_s_event(rules: RuleSet) -> None:
    documents = parse(
        rules, "Nov  3 10:00:00 web-1 cron: Failed x for y", "Nov  3 10:00:00 web-1 sshd: hello"
    )

    assert [document["rule"] for document in documents] == [{"name": "syslog"}, {"name": "syslog"}]


def test_lines_after_the_first_go_to_the_multiline_field(rules: RuleSet) -> None:
    document = parse(rules, "2026-11-22 10:00:00 ERROR boom\n\tat a.b(C.java:1)\n\tat d")[0]

    assert document["message"] == "boom"
    assert document["error"] == {"stack_trace": "\tat a.b(C.java:1)\n\tat d"}
    assert document["log"] == {"level": "error"}


def test_lines_after_the_first_join_the_message_of_rules_without_multiline(rules: RuleSet) -> None:
    document = parse(rules, "Nov  3 10:00:00 web-1 cron: a\nb")[0]

    assert document["message"] == "a\nb"


def test_levels_are_on_one_scale_after_mapping(rules: RuleSet) -> None:
    words = ("LOUD", "SEVERE", "ODD")

    documents: list[Any] = parse(rules, *(f"2026-11-22 10:00:00 {word} x" for word in words))

    assert [document["log"]["level"] for document in documents] == ["warn", "error", "odd"]
    assert [document["event"].get("severity") for document in documents] == [13, 17, None]


def test_priority_when_and_a_pattern_for_the_slow_engine(rules: RuleSet) -> None:
    lines = ("foo baz", "foo bar", "foo")

    routed = parse(rules, *lines, log__file__path="/var/log/picky.log")
    others = parse(rules, *lines, log__file__path="/var/log/other.log")

    assert [document.get("rule", {}).get("name") for document in routed] == ["picky", "picky", None]  # type: ignore[attr-defined]
    assert routed[0]["b"] == "baz"
    assert routed[1]["c"] == "bar"
    assert all("rule" not in document for document in others)


def test_colours_do_not_hide_a_line_and_stay_in_the_original(rules: RuleSet) -> None:
    document = parse(rules, "\x1b[31m2026-11-22 10:00:00 ERROR boom\x1b[0m")[0]

    assert document["message"] == "boom"
    assert document["event"]["original"] == "\x1b[31m2026-11-22 10:00:00 ERROR boom\x1b[0m"  # type: ignore[index]


@pytest.mark.parametrize(
    ("line", "tag", "said"),
    [
        ("2026-02-31 10:00:00 INFO x", "_dateparsefailure", "cannot read the time: 2026-02-31 10:00:00"),
        ("2099-01-01 10:00:00 INFO x", "_dateoutofrange", "2099-01-01 10:00:00"),
        ("1901-01-01 10:00:00 INFO x", "_dateoutofrange", "1901-01-01 10:00:00"),
    ],
)
def test_an_absurd_date_keeps_the_event_at_its_record_s_time(
    rules: RuleSet, line: str, tag: str, said: str
) -> None:
    document = parse(rules, line)[0]

    assert document["@timestamp"] == "2026-11-23T00:00:00.000Z"
    assert document["tags"] == [tag]
    assert said in document["error"]["message"]  # type: ignore[index]
    assert document["rule"] == {"name": "java"}


def test_a_hostile_pattern_gives_the_line_up_and_keeps_it() -> None:
    hostile = build_rule_set(
        parse_rules(
            r"""
name: hostile
patterns: ['^(.*)(.*)(.*)(.*)(.*)(.*)\1\2\3\4\5\6z$']
tests: [{line: x, expect: no_match}]
"""
        )
    )

    line = "foo bar baz " * 20 + "yz"
    started = time.perf_counter()
    documents = parse(hostile, line, "z")

    assert documents[0]["tags"] == ["_unparsed", "_timeout"]
    assert documents[0]["message"] == line
    assert time.perf_counter() - started < 2
    assert documents[1]["rule"] == {"name": "hostile"}


def test_all_bad_patterns_are_reported_with_their_places() -> None:
    with pytest.raises(RuleError) as caught:
        build_rule_set(parse_rules("name: a\npatterns: ['(', 'b)']\ntests: [{line: x, expect: no_match}]\n"))

    assert len(caught.value.problems) == 2
    assert all(problem.location.line == 2 for problem in caught.value.problems)


def test_the_engine_s_own_names_cannot_be_captured() -> None:
    with pytest.raises(RuleError, match=r"2:\d+: error: pattern: '_rest' is a name of the engine's own"):
        build_rule_set(
            parse_rules("name: a\npatterns: ['(?P<_rest>x)']\ntests: [{line: x, expect: no_match}]\n")
        )


def test_a_fallback_pattern_is_tried_after_every_other_rule() -> None:
    rules = build_rule_set(
        parse_rules(
            """
name: eager
priority: 9
patterns: [{match: '^(?P<message>.*)$', fallback: true}]
tests: [{line: x, expect: no_match}]
---
name: last
priority: -60
patterns: ['^z(?P<message>.*)$']
tests: [{line: x, expect: no_match}]
---
name: exact
patterns: ['^a(?P<message>.*)$']
tests: [{line: x, expect: no_match}]
"""
        )
    )

    assert [document["rule"] for document in parse(rules, "ab", "b", "zb")] == [
        {"name": "exact"},
        {"name": "eager"},
        {"name": "eager"},
    ]


def test_the_hash_follows_what_rules_do(rules: RuleSet) -> None:
    same = build_rule_set(parse_rules(RULES.replace("line: x", "line: y")))
    other = build_rule_set(parse_rules(RULES.replace("module: system", "module: other")))

    assert same.hash == rules.hash
    assert other.hash != rules.hash


def test_choose_lines_names_the_rule_that_parses(rules: RuleSet) -> None:
    texts = pl.Series(["2026-11-22 10:00:00 WARN x", "nothing", "Nov  3 10:00:00 web-1 sshd: x", "foo baz"])

    chosen = [rules.rules[index].name if index >= 0 else None for index in rules.choose_lines(texts)]

    assert chosen == ["java", None, "syslog", None]


def test_an_empty_batch_is_an_empty_answer(rules: RuleSet) -> None:
    assert (
        rules.parse(pl.DataFrame({"event.original": []}, schema={"event.original": pl.String})).blocks == ()
    )

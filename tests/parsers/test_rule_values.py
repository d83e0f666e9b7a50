"""What rules do with values, from their YAML to the document: types, dissect, levels, what was thrown."""

import json
from typing import Any

import polars as pl
import pytest

from parsers.document import to_documents
from parsers.errors import RuleError
from parsers.load import parse_rules
from parsers.notebook import parse_lines
from parsers.ruleset import build_rule_set

TESTS = "tests: [{line: x, expect: no_match}]"
WEB = rf"""
name: web
patterns:
  - '^(?P<url.original>\S+) (?P<http.response.body.bytes>\S+) %{{NOTSPACE:event.duration:duration_ms}} %{{REST}}$'
fragments:
  REST: '(?P<web.flags>\S+) \[(?P<web.tags>[^\]]*)\] (?P<user.name>\S+) (?P<message>.*?)'
types: {{http.response.body.bytes: bytes, web.flags: hex, web.tags: {{list: ';'}}}}
lower: user.name
trim: [message]
dissect: {{url.original: url}}
{TESTS}
"""
SYSLOG = rf"""
name: header
patterns: ['^<(?P<log.syslog.priority>\d+)>(?P<process.name>\w+): (?P<message>.*)$']
{TESTS}
---
name: shop
after: header
when: {{process.name: shop}}
patterns: ['^(?P<log.level>\w+) (?P<message>.*)$']
{TESTS}
"""
RECORD = rf"""
name: record
patterns: ['^(?P<log.logger>[\w.]+) (?P<log.origin.function>\w+)$']
multiline: {{continuation: '^(?:[A-Z]+: |\s|Caused by)'}}
{TESTS}
---
name: record_text
after: record
field: _next_line
patterns: ['^(?P<log.level>[A-Z]+): (?P<message>.*)$']
{TESTS}
"""
TRACE = "java.io.IOException: cut\n\tat a.B.c(D.java:7)"


def parse(rules: str, *lines: str) -> list[dict[str, Any]]:
    batch = build_rule_set(parse_rules(rules)).parse(pl.DataFrame({"event.original": lines}))
    parts = [block.frame.select("_row").with_columns(to_documents(block.frame)) for block in batch.blocks]
    return [json.loads(text) for text in pl.concat(parts).sort("_row")["document"]]


def test_types_cleaning_and_parts() -> None:
    good, bad = parse(WEB, "/a/b.html?q=1 1.5KB 12.5 0x1f [a; b;;c] ADA   paid  ", "* - - zz [] - -")

    assert good["url"] == {
        "original": "/a/b.html?q=1",
        "path": "/a/b.html",
        "query": "q=1",
        "extension": "html",
    }
    assert good["http"] == {"response": {"body": {"bytes": 1536}}}
    assert good["event"]["duration"] == 12_500_000
    assert good["web"] == {"flags": 31, "tags": ["a", "b", "c"]}
    assert (good["user"], good["message"]) == ({"name": "ada"}, "paid")
    assert bad["url"] == {"original": "*"}
    assert not {"http", "web", "user"} & bad.keys()
    assert bad["message"] == bad["event"]["original"]


def test_a_priority_gives_the_level_of_lines_without_one() -> None:
    plain, own = parse(SYSLOG, "<11>lift: up", "<11>shop: WARNING low stock")

    assert plain["log"]["syslog"] == {
        "priority": 11, "facility": {"code": 1, "name": "user"}, "severity": {"code": 3, "name": "error"},
    }  # fmt: skip
    assert (plain["log"]["level"], plain["event"]["severity"]) == ("error", 17)
    assert (own["log"]["level"], own["event"]["severity"]) == ("warn", 13)
    assert own["log"]["syslog"]["severity"]["name"] == "error"


def test_a_rule_may_read_on_in_the_next_line() -> None:
    whole, short, alone, other = parse(
        RECORD,
        f"com.acme.Shop open\nSEVERE: no stock\n{TRACE}",
        "com.acme.Shop open\nFINE: ok",
        "com.acme.Shop open",
        "a b\n- c",
    )

    assert whole["rule"]["name"] == "record_text"
    assert (whole["log"]["level"], whole["log"]["logger"]) == ("error", "com.acme.Shop")
    assert whole["message"] == f"no stock\n{TRACE}"
    assert whole["error"] == {"type": "java.io.IOException", "message": "cut", "stack_trace": TRACE}
    assert (short["log"]["level"], short["message"]) == ("debug", "ok")
    assert (alone["rule"]["name"], alone["message"]) == ("record", "com.acme.Shop open")
    assert (other["rule"]["name"], other["message"]) == ("record", "a b\n- c")


def test_what_was_thrown_is_found_in_lines_that_no_rule_knows() -> None:
    (document,) = parse(RECORD, f"?? 7\n{TRACE}")

    assert document["tags"] == ["_unparsed"]
    assert document["message"] == f"?? 7\n{TRACE}"
    assert document["error"] == {"type": "java.io.IOException", "message": "cut", "stack_trace": TRACE}


def test_lines_that_the_rule_sends_elsewhere_stay_there() -> None:
    lines = "{continuation: x, field: error.stack_trace}"
    rule = rf"{{name: a, patterns: '^(?P<message>\w+)$', multiline: {lines}, {TESTS}}}"

    (document,) = parse(rule, f"stopped\nfor good\n{TRACE}")

    assert document["message"] == "stopped"
    assert document["error"] == {
        "type": "java.io.IOException",
        "message": "cut",
        "stack_trace": f"for good\n{TRACE}",
    }


BESIDE = "cannot be dissected: its parts would lie beside it; capture it as"
SEPARATOR = "write {list: ';'}, or a type's name alone"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("types: {a: duraton}", "3:12: error: the type of 'a' cannot be 'duraton'; did you mean 'duration'?"),
        ("types: {a: seconds}", "3:12: error: the type of 'a' cannot be 'seconds'; write 'duration_s'"),
        (
            "types: {a: {lst: x}}",
            f"3:12: error: the type of 'a' cannot be a mapping without 'list'; {SEPARATOR}",
        ),
        ("types: {a: {list: ''}}", f"3:19: error: the separator of 'a' must be a text, not ''; {SEPARATOR}"),
        ("lower: [a, a]", "3:12: error: 'lower' names 'a' twice; remove one"),
        ("trim: {a: b}", "3:7: error: 'trim' must be a text or a list of texts, not a mapping"),
        (
            "dissect: {a.original: uri}",
            "3:23: error: what 'a.original' holds cannot be 'uri'; did you mean 'url'?",
        ),
        ("dissect: {a: url}", f"3:11: error: 'a' {BESIDE} 'url.original' or 'url.full'"),
        (
            "dissect: {b.a: path}",
            f"3:11: error: 'b.a' {BESIDE} 'b.path' or 'b.target_path' or 'b.executable'",
        ),
    ],
)
def test_mistakes_say_how_to_mend_them(keys: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rules(f"name: a\nformat: json\n{keys}\n{TESTS}\n", "a.yml")

    assert [str(problem) for problem in caught.value.problems] == [f"a.yml:{message}"]


def test_a_zone_that_the_line_names_beside_its_time_counts_before_the_rules() -> None:
    rules = parse_rules(
        r"""
name: zoned
patterns: ['^(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<event.timezone>[\w/+:]+) (?P<message>.*)$']
timestamp: {field: ts, formats: ['%Y-%m-%d %H:%M:%S'], timezone: Europe/Berlin}
"""
    )
    parsed = parse_lines(["2026-07-01 10:00:00 UTC a", "2026-07-01 10:00:00 America/New_York b"], rules)
    assert parsed["@timestamp"].dt.hour().to_list() == [10, 14]


def test_maps_of_a_rule_that_captures_nothing_read_what_came_before() -> None:
    rules = parse_rules(
        r"""
name: head
patterns: ['^(?P<shop.state>\w+): (?P<message>.*)$']
---
name: tail
after: head
patterns: ['^done$']
map: {event.outcome: {from: shop.state, values: {OK: success}}}
"""
    )
    assert parse_lines(["OK: done"], rules)["event.outcome"].to_list() == ["success"]


def test_a_mapped_value_stands_beside_fixed_lists() -> None:
    rules = parse_rules(
        r"""
name: app
patterns: ['^(?P<message>\w+)$']
map: {event.type: {from: message, values: {known: info}}}
set: {event.type: [error, end]}
"""
    )
    assert parse_lines(["known", "other"], rules)["event.type"].to_list() == [["info"], ["error", "end"]]

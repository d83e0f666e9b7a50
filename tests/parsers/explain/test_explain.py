import polars as pl

from parsers.explain.explain import explain_event
from parsers.explain.follow import follow_events
from parsers.explain.model import Explanation
from parsers.load import parse_rules
from parsers.ruleset import RuleSet, build_rule_set

RULES = r"""
name: header
patterns: ['^(?P<ts>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (?P<process.name>\w+)\[(?P<process.pid>\d+)\]: (?P<message>.*)$']
timestamp: {field: ts}
---
name: door
after: header
when: {process.name: door}
patterns:
  - match: '^(?P<user.name>\w+) (?P<event.action>opens|closes)$'
    set: {event.outcome: success}
  - '^(?P<source.ip>\S+) knocks$'
set: {event.category: [session]}
map: {event.type: {from: event.action, values: {opens: start, closes: end}}}
---
name: guarded
when: {log.file.path: '*/guarded.log'}
patterns: ['^guarded (?P<message>.*)$']
---
name: body
format: json
"""


def build() -> RuleSet:
    return build_rule_set(parse_rules(RULES, "rules.yml"))


def explain(line: str, **context: str) -> Explanation:
    frame = pl.DataFrame({"event.original": [line], "_time": [1_782_900_000_000], **context})
    return explain_event(build(), frame)


def test_a_chain_is_told_step_by_step() -> None:
    found = explain("2026-07-01T10:00:00Z door[7]: ann opens")

    assert found.rule == "door"
    assert [(taken.rule, taken.field, taken.pattern) for taken in found.chain] == [
        ("header", None, 1),
        ("door", "message", 1),
    ]
    assert found.chain[1].text == "ann opens"
    assert found.chain[1].captures == {"user.name": "ann", "event.action": "opens"}


def test_every_field_says_where_it_comes_from() -> None:
    found = explain("2026-07-01T10:00:00Z door[7]: ann opens", **{"host.name": "web-1"})
    sources = {origin.field: origin.source for origin in found.fields}

    assert sources["@timestamp"] == (
        "rule header: time read from '2026-07-01T10:00:00Z' by pattern 1, columns 1-20"
    )
    assert sources["process.pid"] == "rule header: captured by pattern 1, columns 27-27 as '7'"
    assert sources["user.name"] == "rule door: captured by pattern 1, columns 1-3 of message"
    assert sources["event.outcome"] == "rule door: set by pattern 1"
    assert sources["event.category"] == "rule door: set"
    assert sources["event.type"] == "rule door: map of event.action 'opens'"
    assert sources["host.name"] == "the record brought it"
    assert sources["event.dataset"] == "the rule's dataset"


def test_a_line_that_stops_in_the_chain_belongs_to_the_last_rule_that_took_it() -> None:
    assert explain("2026-07-01T10:00:00Z door[7]: what").rule == "header"


def test_an_unparsed_line_shows_the_nearest_rule_and_those_not_tried() -> None:
    found = explain("2026-07-01T10:00:00Z door: ann opens")

    assert (found.rule, found.chain) == (None, ())
    nearest = found.nearest[0]
    assert (nearest.rule, nearest.pattern, str(nearest.location)) == ("header", 1, "rules.yml:3:13")
    assert nearest.reach is not None
    assert (nearest.reach.end, nearest.reach.found) == (25, ": ann opens")
    assert nearest.reach.wanted.startswith(r"\[")
    assert [attempt.rule for attempt in found.tried if attempt.is_skipped] == ["guarded"]
    assert [attempt.rule for attempt in found.tried if attempt.reach is None and not attempt.is_skipped] == [
        "body"
    ]


def test_what_the_record_brings_decides_what_is_tried() -> None:
    assert explain("guarded x", **{"log.file.path": "/var/log/guarded.log"}).rule == "guarded"


def test_a_structured_body() -> None:
    found = explain('{"a": 1}')
    assert (found.rule, found.chain[0].pattern) == ("body", 0)


def test_following_many_lines_agrees_with_parsing_them() -> None:
    rule_set = build()
    texts = ["2026-07-01T10:00:00Z door[7]: ann opens", "x", '{"a": 1}', "2026-07-01T10:00:00Z cat[7]: up"]
    lines = pl.DataFrame({"event.original": texts, "_time": [0] * len(texts)})
    chains = follow_events(rule_set, lines)
    parsed = {
        row: block.rule for block in rule_set.parse(lines).blocks for row in block.frame["_row"].to_list()
    }
    assert [chain[-1].rule if chain else None for chain in chains] == [parsed[row] for row in range(4)]

"""What rules make of structured bodies, as whole documents."""

import json
from typing import Any

import polars as pl

from parsers.load import parse_rules
from parsers.notebook import parse_documents
from parsers.ruleset import build_rule_set
from parsers.shipped import shipped_rules_directory

TIME = 1_782_900_000_000
TESTS = "tests: [{line: x, expect: no_match}]\n"


def parse(rules: str, *lines: str) -> list[dict[str, Any]]:
    documents = parse_documents(lines, parse_rules(rules + TESTS, "a.yml"), time=TIME)
    return [json.loads(text) for text in documents]


def parse_one(rules: str, line: str) -> dict[str, Any]:
    """The document without what all have."""
    (document,) = parse(rules, line)
    for name in ("@timestamp", "event", "rule", "ecs"):
        document.pop(name, None)
    return document


JSON = "name: a\nformat: json\n"


def test_an_object_that_is_renamed_lies_below_its_new_name() -> None:
    rules = JSON + "rename: {http: http, truck: depot.truck, msg: message}\n"
    line = '{"http":{"request":{"method":"GET"}},"truck":{"plate":"HH42","axles":3},"msg":"m","x":1}'

    assert parse_one(rules, line) == {
        "message": "m",
        "http": {"request": {"method": "GET"}},
        "depot": {"truck": {"plate": "HH42", "axles": 3}},
        "json": {"x": 1},
    }


def test_an_object_is_no_value_of_a_field_that_holds_one() -> None:
    rules = JSON + "rename: {err: error.message, code: depot.code}\ntypes: {depot.code: keyword}\n"

    assert parse_one(rules, '{"err":{"code":5},"code":{"a":1}}') == {
        "message": '{"err":{"code":5},"code":{"a":1}}',
        "json": {"err": {"code": 5}, "code": {"a": 1}},
    }
    assert parse_one(rules, '{"err":"boom","code":7}')["error"] == {"message": "boom"}


def test_keys_go_below_the_prefix_and_are_named_there() -> None:
    rules = (
        JSON + "body: {prefix: shop}\ntypes: {shop.n: long, shop.user.id: long}\nmap: {shop.kind: {a: b}}\n"
    )
    line = '{"n":"7","user":{"id":"3","name":"x"},"kind":"a","source.ip":"192.0.2.1"}'

    assert parse_one(rules, line)["shop"] == {
        "n": 7,
        "user": {"id": 3, "name": "x"},
        "kind": "b",
        "source.ip": "192.0.2.1",
    }


def test_a_rule_after_it_reads_a_key_that_no_rename_names() -> None:
    rules = (
        JSON
        + TESTS
        + "---\nname: b\nafter: a\nfield: json.text\npatterns: ['^(?P<x.y>\\d+) (?P<message>.*)$']\n"
    )

    documents = parse(rules, '{"text":"5 apples","z":1}', '{"text":"apples"}')

    assert documents[0]["rule"] == {"name": "b"}
    assert documents[0]["message"] == "apples"
    assert documents[0]["json"] == {"text": "5 apples", "z": 1}
    assert documents[1]["rule"] == {"name": "a"}


def test_a_body_of_several_lines() -> None:
    rules = JSON + "rename: {msg: message}\n"

    assert parse_one(rules, '{\n  "msg": "several lines"\n}') == {"message": "several lines"}
    assert parse_one(rules, '{"msg":"one line"}\n\tat depot') == {"message": "one line\n\tat depot"}
    assert parse_one(rules, '{\n  "msg": "broken"\n')["tags"] == ["_unparsed"]


def test_lines_after_a_body_go_to_the_multiline_field() -> None:
    rules = JSON + "rename: {msg: message}\nmultiline: {continuation: '^\\s', field: error.stack_trace}\n"
    one, several = parse(rules, '{"msg":"a"}\n\tat depot', '{"msg":"a",\n"b":1}')

    assert one["error"]["stack_trace"] == "\tat depot"
    assert "error" not in several
    assert several["json"] == {"b": 1}


def test_columns_of_csv_in_a_quoted_field_of_several_lines() -> None:
    rules = "name: a\nformat: csv\nbody: {columns: [ts, source.ip, message, kind]}\ntimestamp: {field: ts}\n"
    (document,) = parse(rules, '2026-07-01T10:00:00Z,192.0.2.1,"said ""hi""\nthen left",x')

    assert document["@timestamp"] == "2026-07-01T10:00:00.000Z"
    assert document["source"] == {"ip": "192.0.2.1"}
    assert document["message"] == 'said "hi"\nthen left'
    assert document["csv"] == {"kind": "x"}
    assert "ts" not in document


def test_a_tail_of_pairs_after_a_pattern() -> None:
    rules = (
        "name: a\npatterns: ['^fw: (?P<depot.tail>.*)$']\n" + TESTS + "---\n"
        "name: b\nafter: a\nfield: depot.tail\nformat: keyvalue\nbody: {separator: ';', assign: ':', prefix: fw}\n"
        "rename: {src: source.ip, src port: source.port}\n"
    )
    (document,) = parse(rules, "fw: src: 192.0.2.1; src port: 99; act: deny")

    assert document["rule"] == {"name": "b"}
    assert document["source"] == {"ip": "192.0.2.1", "port": 99}
    assert document["fw"] == {"act": "deny"}


def test_a_broken_body_goes_on_to_other_rules() -> None:
    rules = (
        "name: a\npriority: 9\nformat: json\n" + TESTS + "---\n"
        "name: b\npriority: 8\nformat: keyvalue\n" + TESTS + "---\n"
        "name: c\nformat: csv\nbody: {columns: [x.a, x.b]}\n"
    )
    documents = parse(rules, '{"a":1', '{"a":1}', "a=1 b", "a=1", '"a,b', "a,b")

    assert [document.get("rule", {}).get("name") for document in documents] == [
        None,
        "a",
        None,
        "b",
        None,
        "c",
    ]


def test_documents_of_a_batch_are_those_of_single_lines() -> None:
    rules = parse_rules(
        (shipped_rules_directory() / "cef.yml").read_text(encoding="utf-8").replace("syslog", "cef"), "a.yml"
    )
    rule_set = build_rule_set(rules[:1])
    lines = [test.line for test in rules[0].tests] * 3
    together = [json.loads(text) for text in parse_documents(lines, rule_set, time=TIME)]

    assert together == [json.loads(parse_documents([line], rule_set, time=TIME)[0]) for line in lines]


def test_hash_changes_with_the_body() -> None:
    rules = [
        parse_rules(f"name: a\nformat: json\nbody: {{max_fields: {number}}}\n{TESTS}", "a.yml")
        for number in (1, 2)
    ]

    assert build_rule_set(rules[0]).hash != build_rule_set(rules[1]).hash
    assert isinstance(build_rule_set(rules[0]).parse(pl.DataFrame({"event.original": ["{}"]})).height, int)

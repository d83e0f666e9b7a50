"""The JSON schema that editors use says the same as the reader of the rules."""

import json
from typing import Any

import jsonschema
import pytest

from parsers.load import find_rule_files
from parsers.reading.read_nodes import read_value
from parsers.reading.read_rule import BODY_FORMATS, RULE_KEYS, STATUSES
from parsers.reading.read_transform import DISSECT_KINDS, FIELD_TYPES
from parsers.reading.yaml_nodes import load_nodes, parse_nodes
from parsers.shipped import shipped_rules_directory

SCHEMA: dict[str, Any] = json.loads((shipped_rules_directory() / "schema.json").read_text(encoding="utf-8"))
PROPERTIES = SCHEMA["properties"]


def find_mistakes(text: str) -> list[str]:
    (node,), _ = parse_nodes(text, "a.yml")
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [error.json_path for error in validator.iter_errors(read_value(node, []))]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_keys_and_words_are_those_of_the_reader() -> None:
    assert tuple(PROPERTIES) == RULE_KEYS
    assert tuple(PROPERTIES["status"]["enum"]) == STATUSES
    assert tuple(PROPERTIES["format"]["enum"]) == BODY_FORMATS
    assert tuple(PROPERTIES["types"]["additionalProperties"]["oneOf"][0]["enum"]) == FIELD_TYPES
    assert tuple(PROPERTIES["dissect"]["additionalProperties"]["enum"]) == DISSECT_KINDS


@pytest.mark.parametrize("path", find_rule_files(shipped_rules_directory()), ids=lambda path: path.name)
def test_the_shipped_rules_hold_to_the_schema(path: Any) -> None:
    nodes, problems = load_nodes(path)
    validator = jsonschema.Draft7Validator(SCHEMA)

    mistakes = [error.json_path + ": " + error.message for node in nodes
                for error in validator.iter_errors(read_value(node, []))]  # fmt: skip

    assert mistakes == [problem.message for problem in problems] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("patterns: [x]", "$"),
        ("{name: a}", "$"),
        ("{name: a, patterns: [x], format: json}", "$"),
        ("{name: a, patern: x, format: json}", "$"),
        ("{name: A-b, format: json}", "$.name"),
        ("{name: a, format: xml}", "$.format"),
        ("{name: a, format: json, types: {a.b: integer}}", "$.types['a.b']"),
        ("{name: a, format: json, multiline: {max_lines: 3}}", "$.multiline"),
        ("{name: a, format: json, timestamp: {formats: UNIX}}", "$.timestamp"),
        ("{name: a, format: json, map: {b: {from: c, vals: {d: e}}}}", "$.map.b"),
        ("{name: a, format: json, tests: [{expect: {}}]}", "$.tests[0]"),
        ("{name: a, format: json, tests: [{line: x, expect: no}]}", "$.tests[0].expect"),
        ("{name: a, format: json, field: b}", "$"),
    ],
)
def test_mistakes_show_in_the_editor(text: str, path: str) -> None:
    assert find_mistakes(text) == [path]

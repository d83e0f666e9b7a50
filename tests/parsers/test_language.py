"""The keys of the language are described once: the readers, the schema and the reference say the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from parsers.bursts import check_burst_rules
from parsers.errors import Problem
from parsers.language import describe_language, describe_reference, update_page
from parsers.load import parse_rules
from parsers.reading.keys import BURST, ENRICHMENTS, RULE, Key, Keys, names_of
from parsers.reading.keys.kinds import Choice, Items, Kind, Pairs
from parsers.reading.keys.write_reference import replace_part
from parsers.reading.read_burst import BURST_KEYS, read_burst_rule
from parsers.reading.read_enrich import read_enrichment
from parsers.reading.read_nodes import read_value
from parsers.reading.read_rule import read_rule
from parsers.reading.yaml_nodes import load_nodes, parse_nodes
from parsers.shipped import shipped_rules_directory
from pipeline.cli.rules_schema import schema

ROOT = Path(__file__).parent.parent.parent


def walk(keys: Keys, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Keys]]:
    """Every mapping with known keys, and the keys that lead to it."""
    yield path, keys
    for key in keys.keys:
        for inner in find_keys(key.kind):
            yield from walk(inner, (*path, key.name))


def find_keys(kind: Kind) -> Iterator[Keys]:
    match kind:
        case Keys():
            yield kind
        case Items(item):
            yield from find_keys(item)
        case Pairs(value):
            yield from find_keys(value)
        case Choice(kinds):
            for one in kinds:
                yield from find_keys(one)


def find_problems(text: str) -> list[Problem]:
    problems: list[Problem] = []
    (node,), _ = parse_nodes(text, "a.yml")
    read_rule(node, problems)
    return problems


# Where a mapping stands in a rule, and what it must hold to be whole.
PLACES: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {
    ("patterns",): ("patterns: [{%s}]", {"match": "x"}),
    ("body",): ("format: json\nbody: {%s}", {}),
    ("timestamp",): ("patterns: x\ntimestamp: {%s}", {"field": "ts"}),
    ("timestamp", "timezone"): (
        "patterns: x\ntimestamp: {field: ts, timezone: {%s}}",
        {"from": "a.b", "values": "{x: UTC}"},
    ),
    ("map",): ("patterns: x\nmap: {a.b: {%s}}", {"from": "a.b", "values": "{x: y}"}),
    ("lookup",): ("patterns: x\nlookup: {%s}", {"table": "t.csv", "from": "a.b", "to": "{x: a.c}"}),
    ("mask",): ("patterns: x\nmask: {%s}", {"field": "message", "kind": "email"}),
    ("multiline",): ("patterns: x\nmultiline: {%s}", {"continuation": "x"}),
    ("tests",): ("patterns: x\ntests: [{%s}]", {"line": "x", "expect": "no_match"}),
}
# What else has to be so that a key's example is right.
BESIDE = {
    "separator": ("format: json", "format: csv"),
    "columns": ("format: json", "format: csv"),
    "assign": ("format: json", "format: keyvalue"),
    "pattern": ("kind: email", "kind: custom"),
    "start": ("continuation: x, ", ""),
}


def write_inner(path: tuple[str, ...], key: str, value: str) -> str:
    place, whole = PLACES[path]
    pairs = {**whole, key: value}
    if key == "separator":
        pairs["columns"] = "[a]"
    text = "name: a\n" + place % ", ".join(f"{name}: {inner}" for name, inner in pairs.items())
    return text.replace(*BESIDE[key]) if key in BESIDE else text


def list_known(problems: list[Problem]) -> list[str]:
    (hint,) = [problem.hint for problem in problems if "unknown key" in problem.message]
    return sorted(hint.removeprefix("known keys are ").split(", "))


@pytest.mark.parametrize("path", [(), *PLACES], ids=".".join)
def test_the_reader_knows_the_keys_that_are_described_and_no_others(path: tuple[str, ...]) -> None:
    keys = next(found for at, found in walk(RULE) if at == path)
    text = write_inner(path, "qqqqqqqqqq", "x") if path else "name: a\npatterns: x\nqqqqqqqqqq: x"

    assert list_known(find_problems(text)) == sorted(names_of(keys))


def test_every_mapping_is_looked_at() -> None:
    assert {path for path, _ in walk(RULE)} == {(), *PLACES, ("types",)}


def write_rule(key: Key) -> str:
    """A rule in which the key has its example."""
    lines = {"name": "depot", "patterns": "x", key.name: key.example}
    for name, other in RULE.needs:
        if name == key.name and other != "patterns":
            lines = {
                "name": "depot",
                other: "json" if other == "format" else "syslog",
                "patterns": "x",
                **lines,
            }
    if lines.get("format"):
        lines.pop("patterns")
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


@pytest.mark.parametrize("key", RULE.keys, ids=lambda key: key.name)
def test_the_example_of_a_key_is_right(key: Key) -> None:
    text = write_rule(key)
    (node,), _ = parse_nodes(text, "a.yml")
    validator = jsonschema.Draft7Validator(describe_language("rule"))

    assert find_problems(text) == []
    assert [error.message for error in validator.iter_errors(read_value(node, []))] == []


@pytest.mark.parametrize(
    ("path", "key"),
    [(path, key) for path, keys in walk(RULE) if path in PLACES for key in keys.keys],
    ids=lambda value: value.name if isinstance(value, Key) else ".".join(value),
)
def test_the_example_of_an_inner_key_is_right(path: tuple[str, ...], key: Key) -> None:
    text = write_inner(path, key.name, key.example)
    (node,), _ = parse_nodes(text, "a.yml")
    validator = jsonschema.Draft7Validator(describe_language("rule"))

    assert find_problems(text) == []
    assert [error.message for error in validator.iter_errors(read_value(node, []))] == []


def test_keys_of_burst_rules_and_enrichments() -> None:
    assert names_of(BURST) == BURST_KEYS
    for keys in ENRICHMENTS:
        kind = keys.what.rsplit(" ", 1)[1]
        (node,), _ = parse_nodes(f"name: a\nkind: {kind}\nqqqqqqqqqq: x", "a.yml")
        problems: list[Problem] = []
        read_enrichment(node, ROOT, problems)

        assert list_known(problems) == sorted(names_of(keys))


@pytest.mark.parametrize("key", BURST.keys, ids=lambda key: key.name)
def test_the_example_of_a_key_of_burst_rules_is_right(key: Key) -> None:
    lines = {"name": "depot", "condition": "{gte: 1}", key.name: key.example}
    (node,), _ = parse_nodes("\n".join(f"{name}: {value}" for name, value in lines.items()), "a.yml")
    problems: list[Problem] = []
    read_burst_rule(node, problems)

    assert [problem for problem in problems if "empty list" not in problem.message] == []
    if key.name != "tests":
        jsonschema.Draft7Validator(describe_language("burst")).validate(read_value(node, []))


def test_the_shipped_burst_rules_hold_to_their_schema() -> None:
    validator = jsonschema.Draft7Validator(describe_language("burst"))
    folder = shipped_rules_directory() / "bursts"

    assert check_burst_rules(folder, None)[1] == ()
    for path in sorted(folder.glob("*.yml")):
        for node in load_nodes(path)[0]:
            validator.validate(read_value(node, []))


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("{name: a, kind: related}", True),
        ("{name: a, kind: lookup, table: a.csv, from: host.name, to: {team: labels.team}}", True),
        ("{name: a, kind: geoip, database: a.mmdb, from: source.ip}", True),
        ("{name: a, kind: geoip, database: a.mmdb, from: source.port}", False),
        ("{name: a, kind: lookup}", False),
        ("{name: a, kind: related, table: a.csv}", False),
    ],
)
def test_the_schema_of_enrichments(text: str, is_right: bool) -> None:
    (node,), _ = parse_nodes(text, "a.yml")

    assert jsonschema.Draft7Validator(describe_language("enrich")).is_valid(read_value(node, [])) is is_right


@pytest.mark.parametrize("kind", ["rule", "burst", "enrich"])
def test_schemas_are_schemas(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(describe_language(kind))


def test_the_file_beside_the_rules_is_the_schema() -> None:
    text = (shipped_rules_directory() / "schema.json").read_text(encoding="utf-8")

    assert text == json.dumps(describe_language("rule"), indent=2) + "\n", "run make docs"


def test_the_reference_is_up_to_date() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")

    assert page == update_page(page, "rule"), "run make docs"


def test_every_key_is_described_for_people() -> None:
    for top in (RULE, BURST, *ENRICHMENTS):
        for path, keys in walk(top):
            for key in keys.keys:
                assert key.says.endswith("."), (path, key.name)
                assert key.example, (path, key.name)


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    runner = CliRunner()
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- keys: begin (written by `make docs`) -->\nformer\n<!-- keys: end -->\nz\n")

    assert json.loads(runner.invoke(schema, []).output) == describe_language("rule")
    assert json.loads(runner.invoke(schema, ["--kind", "enrich"]).output) == describe_language("enrich")
    assert runner.invoke(schema, ["--reference", "--kind", "burst"]).output == describe_reference("burst")
    assert runner.invoke(schema, ["--reference", "--into", str(page)]).exit_code == 0
    written = page.read_text()
    assert written.startswith("a\n<!-- keys: begin")
    assert written.endswith("<!-- keys: end -->\nz\n")
    assert "| `multiline` |" in written
    assert "former" not in written
    page.write_text("nothing")
    failed = runner.invoke(schema, ["--reference", "--into", str(page)])
    assert failed.exit_code == 1
    assert "the page lacks the lines" in failed.output
    assert runner.invoke(schema, ["--into", str(page)]).exit_code == 2


def test_a_part_is_replaced_between_its_marks() -> None:
    assert replace_part("a<b>old<c>d", "<b>", "<c>", "new\n") == "a<b>\n\nnew\n\n<c>d"
    with pytest.raises(ValueError, match="lacks"):
        replace_part("a<c><b>", "<b>", "<c>", "new")


def test_a_rule_in_the_words_of_the_schema_loads() -> None:
    text = "name: a\nformat: keyvalue\nbody: {separator: ';', assign: ':', max_fields: 9}\n"
    text += "tests: [{line: x, expect: no_match}]\n"
    (node,), _ = parse_nodes(text, "a.yml")

    jsonschema.Draft7Validator(describe_language("rule")).validate(read_value(node, []))
    assert parse_rules(text, "a.yml")[0].body.separator == ";"

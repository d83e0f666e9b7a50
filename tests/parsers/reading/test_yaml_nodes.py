from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import Problem
from parsers.model import Location
from parsers.reading.read_nodes import read_boolean, read_integer, read_size, read_text, read_value
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, load_nodes, parse_nodes


def parse_one(text: str | bytes) -> Node:
    (node,), problems = parse_nodes(text, "a.yml")
    assert problems == ()
    return node


def find(node: Node, key: str) -> Node:
    assert isinstance(node, MappingNode)
    return next(entry.value for entry in node.entries if entry.key.text == key)


def test_every_key_and_value_knows_its_place() -> None:
    node = parse_one("# head\nname: x\nwhen: {a.b: ['c', d]}\n")
    assert isinstance(node, MappingNode)
    when = node.entries[1]
    assert isinstance(when.value, MappingNode)
    globs = when.value.entries[0].value
    assert isinstance(globs, SequenceNode)

    assert when.key.location == Location("a.yml", 3, 1)
    assert when.value.entries[0].key.location == Location("a.yml", 3, 8)
    assert [item.location.column for item in globs.items] == [14, 19]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: x", 1, 4),
        ("a: 'x'", 1, 5),
        ('a: "x"', 1, 5),
        ("a: |\n   x", 2, 4),
        ("a: >-\n\n  x", 2, 1),
        ("a: &n 'x'", 1, 4),
    ],
)
def test_the_start_is_where_the_text_begins(text: str, line: int, column: int) -> None:
    value = find(parse_one(text), "a")
    assert isinstance(value, ScalarNode)

    assert value.start == Location("a.yml", line, column)


@pytest.mark.parametrize(
    "word", ["no", "off", "yes", "010", "0x1f", "2026-07-01", "12:30:45", "1_000", "null", "~", "1e3"]
)
def test_a_scalar_is_the_text_as_written(word: str) -> None:
    problems: list[Problem] = []
    value = find(parse_one(f"{word}: 1\nkey: {word}"), "key")

    assert read_text(value, "'key'", problems) == word
    assert problems == []
    assert find(parse_one(f"{word}: 1"), word) is not None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("", None),
        ("'7'", "7"),
        ("2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1.2.3", "1.2.3"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("99999999999999999999999999", "99999999999999999999999999"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_free_values_follow_yaml_1_2(written: str, value: object) -> None:
    problems: list[Problem] = []

    result = read_value(find(parse_one(f"a: {written}"), "a"), problems)

    assert (result, type(result), problems) == (value, type(value), [])


@pytest.mark.parametrize(
    ("written", "severity"),
    [
        ("010", "error"),
        ("0x1f", "error"),
        ("1_000", "error"),
        ("0b1", "error"),
        ("no", "warning"),
        ("On", "warning"),
    ],
)
def test_values_on_which_yaml_versions_differ_are_reported(written: str, severity: str) -> None:
    problems: list[Problem] = []

    result = read_value(find(parse_one(f"a: {written}"), "a"), problems)

    assert result == written
    assert [problem.severity for problem in problems] == [severity]


@pytest.mark.parametrize(
    ("written", "size"),
    [("65536", 65536), ("64KB", 65536), ("1MB", 1_048_576), ("1.5 MiB", 1_572_864), ("1g", 1_073_741_824)],
)
def test_sizes(written: str, size: int) -> None:
    assert read_size(find(parse_one(f"a: {written}"), "a"), "'a'", []) == size


@pytest.mark.parametrize("written", ["0", "-1", "MB", "1 TB", "[1]", "99999999999999999999MB", "''"])
def test_no_sizes(written: str) -> None:
    problems: list[Problem] = []

    assert read_size(find(parse_one(f"a: {written}"), "a"), "'a'", problems) is None
    assert len(problems) == 1


def test_booleans_and_integers_are_not_guessed() -> None:
    node = parse_one("a: yes\nb: 'true'\nc: 010\nd: '7'\ne: 99999999999999999999999\n")
    problems: list[Problem] = []

    assert read_boolean(find(node, "a"), "'a'", problems) is None
    assert read_boolean(find(node, "b"), "'b'", problems) is None
    assert read_integer(find(node, "c"), "'c'", problems) is None
    assert read_integer(find(node, "d"), "'d'", problems) == 7
    assert read_integer(find(node, "e"), "'e'", problems) is None
    assert len(problems) == 4


def test_several_documents_and_empty_ones() -> None:
    nodes, problems = parse_nodes("---\na: 1\n---\n---\n# none\n---\nb: 2\n...\n", "a.yml")

    assert problems == ()
    assert [node.location.line for node in nodes] == [2, 7]


def test_documents_before_a_syntax_error_are_kept() -> None:
    nodes, problems = parse_nodes("a: 1\n---\nb: [\n", "a.yml")

    assert len(nodes) == 1
    assert len(problems) == 1


def test_an_alias_stands_for_the_whole_value() -> None:
    node = parse_one("a: &x [1, 2]\nb: *x\n")

    assert read_value(find(node, "b"), []) == [1, 2]


def test_aliases_of_aliases_cannot_blow_up() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]

    _, problems = parse_nodes("\n".join(lines), "a.yml")

    assert ["more than 200000 values" in problem.message for problem in problems] == [True]


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? "])
def test_deep_nesting_is_an_error_and_no_crash(opening: str) -> None:
    _, problems = parse_nodes(opening * 5000, "a.yml")

    assert len(problems) == 1


def test_an_anchor_ends_with_its_document() -> None:
    _, problems = parse_nodes("a: &x [1]\n---\nb: *x\n", "a.yml")

    assert [problem.hint for problem in problems] == [
        "an anchor holds up to the next ---; write the value again"
    ]


def test_an_alias_inside_its_own_value_is_an_error() -> None:
    _, problems = parse_nodes("a: &x {b: *x}", "a.yml")

    assert [problem.message for problem in problems] == ["alias *x stands inside the value it names"]


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert find(parse_one(b"\xef\xbb\xbfname: x"), "name").location.column == 7


def test_a_file_too_large_is_refused() -> None:
    _, problems = parse_nodes(b"#" * 9_000_000, "a.yml")

    assert [problem.message for problem in problems] == ["the file is too large: 9000000 bytes"]


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    nodes, problems = load_nodes(tmp_path / "none.yml")

    assert nodes == ()
    assert (
        str(problems[0]) == f"{tmp_path}/none.yml:1:1: error: cannot read the file: No such file or directory"
    )


YAML_PIECES = st.lists(
    st.one_of(
        st.sampled_from(list("-:?,[]{}#&*!|>'\"%@`\n\t \\~<=.0aé\ufeff\x07\x85\u2028")),
        st.sampled_from(
            ["---", "...", "\n  ", ": ", "- ", "*a", "&a ", "<<: ", "!!str ", "%YAML 1.1\n", "|\n", "''"]
        ),
        st.text(max_size=3),
    ),
    max_size=40,
).map("".join)


@given(YAML_PIECES)
def test_any_text_gives_a_tree_or_problems_within_the_text(text: str) -> None:
    nodes, problems = parse_nodes(text, "a.yml")

    assert all(problem.location.line <= len(text.splitlines()) + 1 for problem in problems)
    assert all(node.location.file == "a.yml" for node in nodes)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_tree_or_problems(data: bytes) -> None:
    parse_nodes(data, "a.yml")

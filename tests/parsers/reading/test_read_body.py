import pytest

from parsers.errors import RuleError
from parsers.load import parse_rules
from parsers.model import Body, Rule

TESTS = "\ntests: [{line: x, expect: no_match}]\n"


def load(text: str) -> Rule:
    (rule,) = parse_rules("name: a\n" + text + TESTS, "a.yml")
    return rule


def find_problems(text: str) -> list[str]:
    with pytest.raises(RuleError) as error:
        load(text)
    return [str(problem) for problem in error.value.problems]


def test_options_and_their_defaults() -> None:
    assert load("format: json").body == Body()
    assert load(
        "format: keyvalue\nbody: {separator: ' , ', assign: ': ', prefix: fw, max_fields: 9}"
    ).body == Body(separator=",", assign=": ", prefix="fw", max_fields=9)
    assert load('format: csv\nbody: {columns: [a, b.c, _, _], separator: "\\t"}').body == Body(
        columns=("a", "b.c", "_", "_"), separator="\t"
    )
    assert load("format: keyvalue\nbody: {separator: ' '}").body == Body()
    assert load("format: json\nbody: {max_depth: 5}").body == Body(max_depth=5)


def test_formats_that_have_a_time_need_no_timestamp() -> None:
    timestamps = [load(f"format: {format}").timestamp for format in ("cef", "leef", "windows_xml", "json")]

    assert [timestamp and timestamp.field for timestamp in timestamps] == [
        "rt",
        "devTime",
        "SystemTime",
        None,
    ]
    own = load("format: cef\ntimestamp: {field: end}").timestamp
    assert own is not None
    assert own.field == "end"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patterns: x\nbody: {prefix: a}", "a.yml:3:1: error: 'body' needs 'format'"),
        ("format: csv", "a.yml:2:9: error: format 'csv' has no columns; name them"),
        ("format: csv\nbody: {columns: [a, b, a]}", "a.yml:3:24: error: there are two columns 'a'"),
        ("format: csv\nbody: {columns: ['a b']}", "'a b' is not a field name"),
        (
            "format: csv\nbody: {columns: [a], separator: ab}",
            "'separator' cannot be 'ab'; write one character",
        ),
        ("format: keyvalue\nbody: {separator: '\"'}", "'separator' cannot be"),
        ("format: keyvalue\nbody: {assign: '\"'}", "'assign' cannot be"),
        ("format: keyvalue\nbody: {assign: ': '}", "has blanks, which part the pairs; name the 'separator'"),
        ("format: json\nbody: {columns: [a]}", "'columns' has no meaning for format 'json'; it is for csv"),
        ("format: csv\nbody: {columns: [a], max_depth: 2}", "'max_depth' has no meaning for format 'csv'"),
        ("format: json\nbody: {max_depth: 0}", "'max_depth' must be between 1 and 20, not 0"),
        ("format: json\nbody: {prefix: 'a b'}", "'a b' is not a field name"),
        ("format: json\nbody: {prefx: a}", "unknown key 'prefx' in 'body'; did you mean 'prefix'?"),
        ("format: json\nbody: fw", "'body' must be a mapping of keys, not 'fw'"),
        ("format: jsonl", "'format' cannot be 'jsonl'; did you mean 'json'?"),
    ],
)
def test_mistakes_are_told(text: str, said: str) -> None:
    problems = find_problems(text)

    assert len(problems) == 1
    assert said in problems[0]

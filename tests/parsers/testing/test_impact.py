"""What a change of rules can have an effect on: never less than what it has."""

from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.document import to_documents
from parsers.load import load_rule_set, parse_rules
from parsers.ruleset import RuleSet, build_rule_set
from parsers.testing.impact import find_affected_tests, find_changed, find_possible_lines
from parsers.testing.ruletest import run_tests

WORDS = ("alpha", "beta", "gamma")


def write_rule(number: int, word: str, priority: int, message: str, after: bool) -> str:
    parent = "after: parent\n" if after else ""
    return (
        f"name: rule_{number}\npriority: {priority}\n{parent}"
        f"patterns: ['^(?P<message>{word}.*)$']\nset: {{labels.made: {message}}}\n"
        f"tests:\n  - {{line: '{'> ' if after else ''}{word} x', expect: {{labels.made: one}}}}\n"
    )


PARENT = "name: parent\npatterns: ['^{mark} (?P<message>.*)$']\ntests: [{{line: '> zz', expect: {{message: zz}}}}]\n"

MARKS = st.sampled_from([">", ">|<", "<"])
RULES = st.lists(
    st.tuples(st.sampled_from(WORDS), st.integers(0, 1), st.sampled_from(["one", "two"]), st.booleans()),
    max_size=4,
)
ORDERS = st.permutations(range(4))


def write_rules(mark: str, rules: list[tuple[str, int, str, bool]], order: list[int]) -> str:
    written = [write_rule(number, *rules[number]) for number in order if number < len(rules)]
    return "---\n".join([PARENT.format(mark=mark), *written])


# Other rules, or the same in another order: of two rules that match a line the first takes it.
EDITS = st.one_of(
    st.tuples(st.builds(write_rules, MARKS, RULES, ORDERS), st.builds(write_rules, MARKS, RULES, ORDERS)),
    st.builds(
        lambda mark, rules, first, second: (write_rules(mark, rules, first), write_rules(mark, rules, second)),
        MARKS, RULES, ORDERS, ORDERS,
    ),
)  # fmt: skip
LINES = [f"{mark}{word} x" for mark in ("", "> ", "< ") for word in WORDS]


def build(text: str) -> RuleSet:
    return build_rule_set(parse_rules(text, "rules.yml"))


def parse(rules: RuleSet) -> dict[int, str]:
    lines = pl.DataFrame({"event.original": LINES, "_time": [0] * len(LINES)})
    return {
        row: document
        for block in rules.parse(lines).blocks
        for row, document in zip(block.frame["_row"], to_documents(block.frame), strict=True)
    }


@settings(max_examples=80, deadline=None)
@given(EDITS)
def test_a_test_that_is_left_out_ends_as_it_did(edit: tuple[str, str]) -> None:
    old, new = map(build, edit)
    chosen = {(rule.name, test.line) for rule, test in find_affected_tests(new, old)}
    earlier = {(result.rule, result.test.line): result.passed for result in run_tests(old)}
    for result in run_tests(new):
        key = (result.rule, result.test.line)
        assert key in chosen or result.passed == earlier[key]


@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_a_line_that_is_not_possibly_affected_ends_as_it_did(edit: tuple[str, str]) -> None:
    old, new = map(build, edit)
    possible = find_possible_lines(
        new, old, pl.DataFrame({"event.original": LINES, "_time": [0] * len(LINES)})
    )
    then, now = parse(old), parse(new)
    assert {row for row in then if then[row] != now[row]} <= set(possible.tolist())


def test_rules_that_change_places_are_changed_and_those_between_are_not() -> None:
    texts = [write_rule(number, "alpha", 0, "one", after=False) for number in range(4)]
    old = build("---\n".join(texts))
    new = build("---\n".join([*texts[1:], texts[0]]))
    assert find_changed(new.rules, old.rules) == {"rule_0"}
    # All four match the lines of all tests, and another one is the first now.
    assert len(find_affected_tests(new, old)) == 4


def test_tests_that_ask_for_what_enrichments_fill_are_run_after_these_changed(tmp_path: Path) -> None:
    (tmp_path / "enrich").mkdir()
    enrich = tmp_path / "enrich" / "teams.yml"
    (tmp_path / "teams.csv").write_text("user,team\nann,blue\n")
    enrich.write_text("name: t\nkind: lookup\ntable: teams.csv\nfrom: user.name\nto: {team: labels.team}\n")
    (tmp_path / "app.yml").write_text("""
name: app
patterns: ['^(?P<user.name>\\w+)$']
tests:
  - {name: filled, line: ann, expect: {labels.team: blue}}
  - {name: plain, line: ann, expect: {user.name: ann}}
  - {name: whole, line: bob, expect: {user.name: bob}, exact: true}
""")
    old = load_rule_set(tmp_path)
    assert all(result.passed for result in run_tests(old))
    (tmp_path / "teams.csv").write_text("user,team\nann,red\n")
    new = load_rule_set(tmp_path, earlier=old)
    affected = find_affected_tests(new, old)
    assert [test.name for _, test in affected] == ["filled", "whole"]
    assert [result.test.name for result in run_tests(new, affected) if not result.passed] == ["filled"]


def test_of_experimental_rules_only_affected_tests_are_run() -> None:
    texts = [
        write_rule(number, word, 0, "one", after=False).replace("priority", "status: experimental\npriority")
        for number, word in enumerate(WORDS)
    ]
    plain = write_rule(7, "alpha", 0, "one", after=False)
    old, new = (
        build("---\n".join([plain, *texts[:2], texts[2].replace("one", value, 1)]))
        for value in ("one", "two")
    )
    assert [rule.name for rule, _ in find_affected_tests(new, old)] == ["rule_2"]
    failed = [result.rule for result in run_tests(new, find_affected_tests(new, old)) if not result.passed]
    assert failed == ["rule_2"]
    assert len(run_tests(new)) == 4


def test_of_equal_rule_sets_nothing_is_affected() -> None:
    text = PARENT.format(mark=">") + "---\n" + write_rule(0, "alpha", 0, "one", after=True)
    assert find_affected_tests(build(text), build(text)) == []
    assert find_changed(build(text).rules, build(text).rules) == frozenset()


def test_a_change_reaches_all_that_reads_on() -> None:
    child = write_rule(0, "alpha", 0, "one", after=True)
    old, new = (build(PARENT.format(mark=mark) + "---\n" + child) for mark in (">", "<"))
    assert find_changed(new.rules, old.rules) == {"parent", "rule_0"}

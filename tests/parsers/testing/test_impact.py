"""What a change of rules can have an effect on: never less than what it has."""

from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.load import parse_rules
from parsers.ruleset import RuleSet, build_rule_set
from parsers.testing.impact import find_affected_tests, find_changed
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

RULES = st.builds(
    lambda mark, rules: "---\n".join(
        [
            PARENT.format(mark=mark),
            *(write_rule(number, *values) for number, values in enumerate(rules)),
        ]
    ),
    st.sampled_from([">", ">|<", "<"]),
    st.lists(
        st.tuples(st.sampled_from(WORDS), st.integers(0, 2), st.sampled_from(["one", "two"]), st.booleans()),
        max_size=4,
    ),
)


def build(text: str) -> RuleSet:
    return build_rule_set(parse_rules(text, "rules.yml"))


@settings(max_examples=40, deadline=None)
@given(RULES, RULES)
def test_a_test_that_is_left_out_ends_as_it_did(before: str, after: str) -> None:
    old, new = build(before), build(after)
    chosen = {(rule.name, test.line) for rule, test in find_affected_tests(new, old)}
    earlier = {(result.rule, result.test.line): result.passed for result in run_tests(old)}
    for result in run_tests(new):
        key = (result.rule, result.test.line)
        assert key in chosen or result.passed == earlier[key]


def test_of_equal_rule_sets_nothing_is_affected() -> None:
    text = PARENT.format(mark=">") + "---\n" + write_rule(0, "alpha", 0, "one", after=True)
    assert find_affected_tests(build(text), build(text)) == []
    assert find_changed(build(text).rules, build(text).rules) == frozenset()


def test_a_change_reaches_all_that_reads_on() -> None:
    child = write_rule(0, "alpha", 0, "one", after=True)
    old, new = (build(PARENT.format(mark=mark) + "---\n" + child) for mark in (">", "<"))
    assert find_changed(new.rules, old.rules) == {"parent", "rule_0"}

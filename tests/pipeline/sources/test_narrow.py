"""The law of narrowing: the events are those that all joins make, wherever the lines are cut."""

import os
from collections.abc import Iterator
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.multiline import Joins, OpenEvent, build_joins, join_lines
from parsers.load import load_rule_set
from parsers.model import Location, Multiline, Pattern, Rule
from parsers.ruleset import RuleSet, build_rule_set
from parsers.shipped import shipped_rules_directory
from pipeline.local import build_joiner
from pipeline.rule_store import open_store
from pipeline.sources.events import Joiner
from pipeline.sources.narrow import build_narrow

RULES = build_rule_set(
    [
        Rule(
            "header",
            "a",
            patterns=(Pattern(r"^=(?P<a>\w+)$"),),
            multiline=Multiline(continuation=r"^[^=]", location=Location("a", 1, 1)),
        ),
        Rule(
            "dated",
            "b",
            patterns=(Pattern(r"^20\d\d (?P<b>[a-c]+)$"),),
            multiline=Multiline(start=r"^20\d\d ", location=Location("b", 1, 1)),
        ),
        Rule("other", "c", patterns=(Pattern(r"^20\d\d (?P<c>[x-z]+)$"),)),
        Rule(
            "java",
            "d",
            patterns=(Pattern(r"^E (?P<d>.*)$"),),
            multiline=Multiline(continuation=r"^\s", location=Location("d", 1, 1)),
        ),
        Rule("word", "e", priority=-50, patterns=(Pattern(r"^w(?P<e>\w*)$"),)),
    ]
)
LINES = (
    "=one",
    "body",
    " at x",
    "2026 abc",
    "2026 xyz",
    "E boom",
    "w",
    "word",
    "\x1b[1m=one",
    "",
    "=" + "x" * 70_000,
)


def to_lines(texts: list[str]) -> pl.DataFrame:
    sizes = [len(text) + 1 for text in texts]
    return pl.DataFrame(
        {"event.original": texts, "_size": sizes}, schema={"event.original": pl.String, "_size": pl.Int64}
    )


def join_all(joiner: Joiner, lines: pl.DataFrame, cuts: list[int]) -> pl.DataFrame:
    opened: OpenEvent | None = None
    events = []
    for start, end in zip([0, *cuts], [*cuts, lines.height], strict=True):
        found, opened = joiner.join(lines[start:end], opened, is_last=False)
        events.append(found)
    if opened is not None:
        events.append(joiner.join(opened.lines[:0], opened, is_last=True)[0])
    return pl.concat(events)


def check(rules: RuleSet, texts: list[str], cuts: list[int]) -> None:
    lines = to_lines(texts)
    joiner = build_joiner(rules)

    narrowed = join_all(joiner, lines, cuts)
    whole, _ = join_lines(build_joins(rules.rules), lines, joiner.choose, is_last=True)

    assert narrowed.to_dicts() == whole.to_dicts()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=25), st.lists(st.integers(1, 24), max_size=3))
def test_narrowed_joins_make_the_same_events(texts: list[str], cuts: list[int]) -> None:
    check(RULES, texts, sorted({cut for cut in cuts if cut < len(texts)}))


def find_names(joins: Joins) -> list[str]:
    return [RULES.rules[join.rule].name for join in joins.joins]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["plain", "E boom", " at x"], ["java"]),
        (["plain", "=one"], ["header", "java"]),
        (["2026 abc"], ["dated", "java"]),
        (["2026 xyz"], ["java"]),
        (["\x1b[1m=one"], ["header", "dated", "java"]),
    ],
)
def test_rules_that_no_line_can_be_of_are_left_out(texts: list[str], names: list[str]) -> None:
    assert find_names(build_narrow(RULES, build_joins(RULES.rules))(to_lines(texts), None)) == names


def test_the_rule_of_an_open_event_stays() -> None:
    opened = OpenEvent(to_lines(["=one"]), [rule.name for rule in RULES.rules].index("header"))

    assert find_names(build_narrow(RULES, build_joins(RULES.rules))(to_lines(["body"]), opened)) == [
        "header",
        "java",
    ]


def find_test_lines(rules: RuleSet) -> Iterator[list[str]]:
    for rule in rules.rules:
        for test in rule.tests:
            yield test.line.split("\n")


@pytest.mark.slow
def test_narrowed_joins_of_the_shipped_rules_make_the_same_events() -> None:
    rules = load_rule_set(shipped_rules_directory(), store=open_store(os.environ))
    known = list(find_test_lines(rules))
    for seed in range(30):
        random = Random(seed)
        sources = random.sample(known, random.choice((3, 10, 60)))
        texts = [line for _ in range(120) for line in random.choice(sources)]
        check(rules, texts, sorted(random.sample(range(1, len(texts)), 2)))

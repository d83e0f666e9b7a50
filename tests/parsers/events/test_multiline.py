import re
from base64 import b64decode
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.errors import RuleError
from parsers.events.multiline import OpenEvent, build_joins, join_events, join_lines
from parsers.load import parse_rules
from parsers.model import Multiline, Pattern, Rule
from parsers.ruleset import build_rule_set
from pipeline.sources.blocks import Block
from pipeline.sources.encodings import Encoding
from pipeline.sources.lines import read_lines

PLAIN = Rule("plain", "plain", patterns=(Pattern("^plain"),))
JAVA = Rule(
    "java",
    "java",
    patterns=(Pattern("^java"),),
    multiline=Multiline(continuation=r"^(?:\s|Caused by:|plain no more)"),
)
POSTGRES = Rule("postgres", "postgres", patterns=(Pattern("^pg"),), multiline=Multiline(start="^pg"))
SMALL = Rule(
    "small",
    "small",
    patterns=(Pattern("^small"),),
    multiline=Multiline(continuation=r"^\+", max_lines=3, max_bytes=20),
)
RULES = (PLAIN, JAVA, POSTGRES, SMALL)


def choose_among(texts: pl.Series, rules: tuple[Rule, ...] = RULES) -> np.ndarray:
    def of_text(text: str) -> int:
        found = (index for index, rule in enumerate(rules) if re.search(rule.patterns[0].text, text))
        return next(found, -1)

    return np.array([of_text(text) for text in texts], dtype=np.int64)


def choose(lines: pl.DataFrame) -> np.ndarray:
    return choose_among(lines["event.original"], RULES)


def to_lines(text: str | bytes) -> pl.DataFrame:
    data = text.encode() if isinstance(text, str) else text
    return read_lines(Block(0, data, Encoding()))


def join(text: str | bytes, rules: tuple[Rule, ...] = RULES) -> list[str]:
    lines = to_lines(text)
    return join_events(lines, choose_among(lines["event.original"], rules), rules)["event.original"].to_list()


def test_continuation_lines_join_the_line_that_their_rule_chose() -> None:
    assert join("java boom\n\tat a\n\tat b\nCaused by: x\njava fine\n") == [
        "java boom\n\tat a\n\tat b\nCaused by: x",
        "java fine",
    ]


def test_a_line_that_a_rule_would_choose_still_continues_when_continuation_matches() -> None:
    assert join("java boom\nplain no more\nplain\n") == ["java boom\nplain no more", "plain"]


def test_nothing_joins_after_a_line_that_no_rule_chose_or_whose_rule_joins_nothing() -> None:
    assert join("unknown\n\tat a\nplain\n\tat b\n") == ["unknown", "\tat a", "plain", "\tat b"]


def test_start_joins_what_neither_starts_nor_is_chosen() -> None:
    assert join("pg select\n from x\nwhere y\nplain\nwhere z\npg next\n") == [
        "pg select\n from x\nwhere y",
        "plain",
        "where z",
        "pg next",
    ]


def test_an_event_inside_another_opens_none_of_its_own() -> None:
    rules = (Rule("a", "a", patterns=(Pattern("^a"),), multiline=Multiline(continuation="^[ab]")), *RULES)

    assert join("a\nb\na\nb\njava\n x\n", rules) == ["a\nb\na\nb", "java\n x"]


def test_an_event_beyond_its_limits_goes_on_as_another() -> None:
    assert join("small\n+1\n+2\n+3\n+4\n") == ["small\n+1\n+2", "+3\n+4"]
    assert join("small\n+" + "x" * 15 + "\n+1\n+2\n") == ["small", "+" + "x" * 15 + "\n+1", "+2"]


def test_a_line_beyond_the_limit_of_bytes_is_an_event_of_its_own() -> None:
    long = "+" + "x" * 100
    assert join(f"small\n{long}\n+1\n") == ["small", long, "+1"]


def test_an_event_keeps_its_first_lines_columns_and_all_bytes() -> None:
    text = "plain\r\njava\r\n at a\r\n at b\r\nplain"
    lines = to_lines(text).with_columns(pl.lit("/x").alias("log.file.path"))

    events = join_events(lines, choose(lines), RULES)

    assert events["event.original"].to_list() == ["plain", "java\n at a\n at b", "plain"]
    assert events["log.offset"].to_list() == [0, 7, 27]
    assert events["_size"].to_list() == [7, 20, 5]
    assert events["log.file.path"].to_list() == ["/x"] * 3


def test_an_event_with_a_broken_line_keeps_the_bytes_of_all_its_lines() -> None:
    lines = to_lines(b"java\n \xff\n at b\nplain\n")

    events = join_events(lines, choose(lines), RULES)

    assert events["event.original"].to_list() == ["java\n \ufffd\n at b", "plain"]
    assert b64decode(events["tailrace.original_base64"][0]) == b"java\n \xff\n at b"
    assert events["tags"].to_list() == [["_invalid_utf8"], None]
    assert events["tailrace.original_base64"][1] is None


def test_patterns_with_look_around_join_the_same_way() -> None:
    rule = Rule(
        "java", "java", patterns=(Pattern("^java"),), multiline=Multiline(continuation=r"^(?!java|plain)")
    )

    assert join("java\nx\ny\nplain\nz\n", (rule, PLAIN)) == ["java\nx\ny", "plain", "z"]


def test_a_pattern_that_no_engine_takes_is_told_with_its_place() -> None:
    rules = (
        Rule("a", "a", multiline=Multiline(continuation="(")),
        Rule("b", "b", multiline=Multiline(start="%{NOSUCH}")),
    )

    with pytest.raises(RuleError) as caught:
        build_joins(rules)

    assert len(caught.value.problems) == 2
    assert "in 'multiline'" in str(caught.value)


def test_only_lines_that_may_take_part_are_given_to_the_chooser() -> None:
    asked: list[str] = []

    def spy(lines: pl.DataFrame) -> np.ndarray:
        asked.extend(lines["event.original"])
        return choose(lines)

    lines = to_lines("plain 1\nplain 2\njava\n\tat a\nplain 3\nplain 4\n")
    events, _ = join_lines(build_joins(RULES), lines, spy, is_last=True)

    assert events.height == 5
    assert asked == ["java", "plain 4"]


def test_an_open_event_waits_for_the_next_lines() -> None:
    joins = build_joins(RULES)

    first, opened = join_lines(joins, to_lines("plain\njava\n\tat a\n"), choose, is_last=False)
    second, rest = join_lines(joins, to_lines("\tat b\nplain\n"), choose, opened, is_last=False)

    assert first["event.original"].to_list() == ["plain"]
    assert isinstance(opened, OpenEvent)
    assert opened.lines.height == 2
    assert second["event.original"].to_list() == ["java\n\tat a\n\tat b", "plain"]
    assert rest is None


def test_closing_an_open_event_without_further_lines_gives_it() -> None:
    joins = build_joins(RULES)
    _, opened = join_lines(joins, to_lines("java\n\tat a\n"), choose, is_last=False)

    events, rest = join_lines(joins, to_lines(b""), choose, opened, is_last=True)

    assert events["event.original"].to_list() == ["java\n\tat a"]
    assert rest is None


LINES = st.lists(
    st.sampled_from(
        ["plain", "plain no more", "java", " at", "Caused by: x", "pg", "where", "small", "+1", "+" * 18, ""]
    ),
    max_size=40,
)


def join_one_by_one(texts: list[str], rules: tuple[Rule, ...]) -> list[str]:
    """The contract, line by line, as slow and plain as can be."""
    events: list[list[str]] = []
    head: Rule | None = None
    for text in texts:
        index = int(choose_among(pl.Series([text], dtype=pl.String), rules)[0])
        multiline = head.multiline if head else None
        continues = False
        if multiline and multiline.continuation:
            continues = bool(re.search(multiline.continuation, text))
        elif multiline and multiline.start:
            continues = not re.search(multiline.start, text) and index < 0
        if continues and multiline:
            size = sum(len(line) + 1 for line in [*events[-1], text])
            if len(events[-1]) < multiline.max_lines and size <= multiline.max_bytes:
                events[-1].append(text)
            else:
                events.append([text])
        else:
            events.append([text])
            head = rules[index] if index >= 0 else None
    return ["\n".join(event) for event in events]


@given(LINES)
def test_the_vectorised_join_says_the_same_as_the_contract_line_by_line(texts: list[str]) -> None:
    assert join("".join(text + "\n" for text in texts)) == join_one_by_one(texts, RULES)


@settings(max_examples=60)
@given(LINES, st.lists(st.integers(0, 40), max_size=6))
def test_the_cut_into_calls_changes_nothing(texts: list[str], cuts: list[int]) -> None:
    lines = to_lines("".join(text + "\n" for text in texts))
    joins = build_joins(RULES)
    places = [0, *sorted(min(cut, lines.height) for cut in cuts), lines.height]
    opened: OpenEvent | None = None
    frames: list[pl.DataFrame] = []
    for start, end in pairwise(places):
        events, opened = join_lines(joins, lines[start:end], choose, opened, is_last=False)
        frames.append(events)
    events, rest = join_lines(joins, lines[:0], choose, opened, is_last=True)

    joined = pl.concat([*frames, events])

    assert rest is None
    assert joined.equals(join_events(lines, choose(lines), RULES))


def test_a_last_resort_does_not_end_the_event_of_a_rule_with_a_start() -> None:
    rules = parse_rules(
        r"""
name: report
patterns: ['^=(?P<log.level>\w+) REPORT$']
multiline: {start: '^='}
---
name: anything
priority: -40
patterns: ['^(?P<log.level>INFO|WARN) (?P<message>.*)$']
---
name: equal
patterns: ['^app: (?P<message>.*)$']
"""
    )
    lines = ["=ERROR REPORT", "INFO inside", "free", "app: outside"]
    frame = pl.DataFrame({"event.original": lines, "_size": [len(line) + 1 for line in lines]})
    rule_set = build_rule_set(rules)
    events = join_events(frame, rule_set.choose_lines(frame["event.original"]), rule_set.rules)
    assert events["event.original"].to_list() == ["=ERROR REPORT\nINFO inside\nfree", "app: outside"]

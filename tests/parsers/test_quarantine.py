import polars as pl
import pytest

from parsers.events.budget import RULE_TIMEOUTS, open_budget
from parsers.frames import ParsedBatch
from parsers.load import parse_rules
from parsers.patterns.dialect import read_pattern
from parsers.patterns.extract import LINE_TIMEOUT_SECONDS, build_extractor
from parsers.quarantine import TimeoutWatch
from parsers.ruleset import RuleSet, build_rule_set

RULES = r"""
name: head
dataset: head
patterns: ['^(?P<process.name>\w+): (?P<message>.*)$']
---
name: bad
dataset: bad
after: head
when: {process.name: bad}
patterns: ['^(?P<a>(?:a|a)+)(?<=c)b$', '^(?P<a>a+)c$']
---
name: good
dataset: good
after: head
when: {process.name: good}
patterns: ['^(?P<a>\w+)$']
"""
SLOW = "bad: " + "a" * 3_000 + "b"


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return build_rule_set(parse_rules(RULES))


def parse(rules: RuleSet, *lines: str) -> list[tuple[str | None, list[str] | None]]:
    batch = rules.parse(pl.DataFrame({"event.original": lines}))
    found = {
        row["_row"]: (block.rule, row.get("tags"))
        for block in batch.blocks
        for row in block.frame.iter_rows(named=True)
    }
    return [found[row] for row in range(len(lines))]


def batch_of(height: int, **timeouts: int) -> ParsedBatch:
    return ParsedBatch((), height, timeouts)


def test_a_rule_that_takes_too_long_is_reported_and_its_line_goes_to_the_rule_before(rules: RuleSet) -> None:
    batch = rules.parse(pl.DataFrame({"event.original": [SLOW, "bad: aaac", "good: x"]}))

    assert batch.timeouts == {"bad": 1}
    assert batch.seconds.keys() == {"bad"}
    assert parse(rules, SLOW, "bad: aaac", "good: x") == [
        ("head", ["_timeout"]),
        ("bad", None),
        ("good", None),
    ]


def test_a_quarantined_rule_takes_no_line_and_no_time_and_is_the_only_one(rules: RuleSet) -> None:
    fewer = rules.without(["bad"])

    assert parse(fewer, SLOW, "bad: aaac", "bad: other", "good: x") == [
        ("head", ["_timeout"]),
        ("head", ["_timeout"]),
        ("head", None),
        ("good", None),
    ]
    batch = fewer.parse(pl.DataFrame({"event.original": [SLOW]}))
    assert (batch.timeouts, batch.seconds) == ({}, {})
    assert batch.blocks[0].frame["event.original"].to_list() == [SLOW]
    assert fewer.hash == rules.hash
    assert parse(fewer.without(()), "bad: aaac") == [("bad", None)]


def test_after_some_timeouts_a_batch_is_not_held_up_any_longer() -> None:
    extractor = build_extractor(read_pattern("^(?P<a>(?:a|a)+)(?<=c)b$", {}))
    budget = open_budget(100)

    for rows in (range(60), range(60, 100)):
        found = budget.extract(3, extractor, pl.Series(["a" * 3_000 + "b"] * len(rows)), rows)

        assert found.timed_out is not None
        assert found.timed_out.all()

    assert (budget.left < LINE_TIMEOUT_SECONDS).sum() == RULE_TIMEOUTS
    assert budget.timeouts == {3: 100}


def test_a_rule_is_over_the_limit_by_what_it_gave_up_lately() -> None:
    watch = TimeoutWatch(timeouts=3, lines=100)

    assert watch.count(batch_of(50, bad=2, other=1)) == frozenset()
    assert watch.count(batch_of(50)) == frozenset()
    assert watch.count(batch_of(50, bad=2)) == frozenset()
    assert watch.report() == {"bad": 2}
    assert watch.count(batch_of(49, bad=2, other=1)) == {"bad"}
    assert watch.report() == {"bad": 4, "other": 1}


def test_one_large_batch_can_be_too_much() -> None:
    assert TimeoutWatch(timeouts=3, lines=100).count(batch_of(10_000, bad=4)) == {"bad"}

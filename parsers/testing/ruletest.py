"""Runs the tests that stand in the rules: every test's line goes through the whole rule set, in one batch."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import polars as pl

from parsers.document import to_documents
from parsers.model import Location, Rule, RuleTest, Value
from parsers.reading.read_nodes import flatten
from parsers.ruleset import RuleSet

# The record's own time for tests that give none. Lines without a year are read as of this day.
DEFAULT_TIME = datetime(2026, 7, 1, tzinfo=UTC)

_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)")
_TIME_COLUMNS = ("event.created", "event.ingested", "event.start", "event.end")

# What every event has: an exact test need not repeat it.
IMPLIED = frozenset(
    ("@timestamp", "ecs.version", "event.dataset", "event.kind", "event.original", "message", "rule.name")
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that came out otherwise than the test says; None stands for a field that is not there."""

    field: str
    expected: Value
    got: Value

    def __str__(self) -> str:
        return f"{self.field}: expected {_show(self.expected)}, got {_show(self.got)}"


@dataclass(frozen=True, slots=True)
class TestResult:
    """How one test ended. `taken_by` is the rule that parsed the line, None when no rule knew it.

    `document` is what became of the line, flat with dotted names.
    """

    __test__: ClassVar[bool] = False  # pytest would take the class for a collection of tests

    rule: str
    test: RuleTest
    passed: bool
    differences: tuple[Difference, ...]
    taken_by: str | None
    location: Location
    document: Mapping[str, Value]


def run_tests(
    rule_set: RuleSet, only: Sequence[tuple[Rule, RuleTest]] | None = None
) -> tuple[TestResult, ...]:
    """The results of all tests of all rules of the set, in order; or of `only` some, each with its rule.

    A test passes when its own rule parsed the line and every field of `expect` has the value named there:
    numbers compare by value, times by instant, lists in order, and null means that the field is absent.
    With `expect: no_match` it passes when another rule or none took the line. Tests of experimental rules run among
    the experimental rules alone.
    """
    if rule_set.experimental is not None:
        names = {rule.name for rule in rule_set.rules}
        tried = rule_set.experimental
        mine = [(rule, test) for rule in tried.rules if rule.name not in names for test in rule.tests]
        if only is not None:
            mine = [(rule, test) for rule, test in only if rule.name not in names]
            only = [(rule, test) for rule, test in only if rule.name in names]
        return (*run_tests(replace(rule_set, experimental=None), only), *run_tests(tried, mine))
    tests = [(rule, test) for rule in rule_set.rules for test in rule.tests] if only is None else only
    if not tests:
        return ()
    documents: dict[int, Mapping[str, Value]] = {}
    taken: dict[int, str | None] = {}
    for block in rule_set.parse(build_line_frame([test for _, test in tests])).blocks:
        rows = block.frame.get_column("_row").to_list()
        for row, text in zip(rows, to_documents(block.frame).to_list(), strict=True):
            documents[row] = flatten(json.loads(text))
            taken[row] = block.rule
    return tuple(_judge(rule, test, documents[row], taken[row]) for row, (rule, test) in enumerate(tests))


def build_line_frame(tests: Sequence[RuleTest]) -> pl.DataFrame:
    """The tests' lines as a line frame: one row a test, its context as columns, null where a test gives none.

    One newline at the end of a line, which YAML's block scalars leave behind, is not part of the event.
    """
    columns: dict[str, pl.Series] = {
        "event.original": pl.Series([test.line.removesuffix("\n") for test in tests], dtype=pl.String),
        "_time": pl.Series([_to_milliseconds(test.time) for test in tests], dtype=pl.Int64),
    }
    for name in sorted({name for test in tests for name in test.context}):
        columns[name] = _build_column(name, [test.context.get(name) for test in tests])
    return pl.DataFrame(columns)


def compare(
    expected: Mapping[str, Value], document: Mapping[str, Value], exact: bool = False
) -> tuple[Difference, ...]:
    """Where a document differs from what is expected; both may be nested or have dotted names.

    With `exact`, fields of the document that are not expected are differences too.
    """
    want, have = flatten(expected), flatten(document)
    names = list(want) + ([name for name in have if name not in want] if exact else [])
    pairs = ((name, want.get(name), have.get(name)) for name in names)
    return tuple(Difference(*pair) for pair in pairs if not _is_equal(pair[1], pair[2]))


def _judge(rule: Rule, test: RuleTest, document: Mapping[str, Value], taken_by: str | None) -> TestResult:
    differences: tuple[Difference, ...]
    if test.expect is None:
        passed = taken_by != rule.name
        return TestResult(rule.name, test, passed, (), taken_by, test.location, document)
    if taken_by != rule.name:
        differences = (Difference("rule.name", rule.name, taken_by),)
    elif test.exact:
        known = IMPLIED - test.expect.keys() | test.context.keys()
        rest = {name: value for name, value in document.items() if name not in known or name in test.expect}
        differences = compare(test.expect, rest, exact=True)
    else:
        differences = compare(test.expect, document)
    return TestResult(rule.name, test, not differences, differences, taken_by, test.location, document)


def _is_equal(expected: Any, got: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(_is_equal, expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(
            _is_equal(expected[name], got[name]) for name in expected
        )
    if isinstance(expected, str) and isinstance(got, str) and expected != got:
        return _is_same_instant(expected, got)
    return bool(expected == got)


def _is_same_instant(expected: str, got: str) -> bool:
    if not _ISO_TIME.fullmatch(expected) or not _ISO_TIME.fullmatch(got):
        return False
    try:
        return datetime.fromisoformat(expected) == datetime.fromisoformat(got)
    except ValueError:
        return False


def _build_column(name: str, values: list[Value]) -> pl.Series:
    given = [value for value in values if value is not None]
    if name in _TIME_COLUMNS and all(
        isinstance(value, str) and _ISO_TIME.fullmatch(value) for value in given
    ):
        times = [None if value is None else datetime.fromisoformat(str(value)) for value in values]
        return pl.Series(times, dtype=pl.Datetime("ms", "UTC"))
    if any(isinstance(value, list) for value in given):
        lists = [_to_texts(value) if isinstance(value, list) else [value] for value in values]
        return pl.Series([None if item == [None] else item for item in lists], dtype=pl.List(pl.String))
    if all(isinstance(value, bool) for value in given):
        return pl.Series(values, dtype=pl.Boolean)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in given):
        return pl.Series(values, dtype=pl.Int64)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        return pl.Series([None if value is None else float(str(value)) for value in values], dtype=pl.Float64)
    texts = [None if value is None else _to_text(value) for value in values]
    return pl.Series(texts, dtype=pl.String)


def _to_texts(values: Sequence[Value]) -> list[str | None]:
    return [None if value is None else _to_text(value) for value in values]


def _to_text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _to_milliseconds(time: str | None) -> int:
    moment = datetime.fromisoformat(time) if time else DEFAULT_TIME
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _show(value: Value) -> str:
    if value is None:
        return "nothing"
    return json.dumps(value, ensure_ascii=False)

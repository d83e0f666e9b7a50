import polars as pl
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.choose import PARTED_PATTERNS, build_chooser
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.starts import STARTS, find_starts, part_lines
from parsers.patterns.tokens import PatternError

PIECE = st.sampled_from(
    ["1", "a", r"\d", r"\w", r"\S", ".", "[a-c]", "[0-9a]", "[^0]", "(?:1|a)", r"(?:\d\d)", "(?:)", r"\b", "é", "(?=1)",
     "(?!a)", "(?P<x>1?)", "%{INT}", "%{YEAR}", "$"]
)  # fmt: skip
QUANTIFIER = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{0,2}", "{3,}", "{1,9}"])
PATTERN = st.lists(st.tuples(PIECE, QUANTIFIER).map("".join), max_size=5).map("".join)
LINE = st.text(alphabet="0159a.é-", max_size=7)


@given(
    st.lists(PATTERN, min_size=1, max_size=3).map("|".join),
    st.booleans(),
    st.lists(LINE, min_size=1, max_size=20),
)
def test_a_pattern_matches_no_line_that_begins_in_another_way(
    inner: str, in_group: bool, lines: list[str]
) -> None:
    try:
        read = read_pattern(f"^(?:{inner})" if in_group else f"^{inner}", FRAGMENTS)
    except PatternError:
        return
    matches = regex.compile(to_regex(read), regex.ASCII).search
    starts = find_starts(read)

    for start, rows in part_lines(pl.Series(lines)).items():
        if any(matches(lines[row]) for row in rows):
            assert start in starts


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [
        (r"^%{TIMESTAMP_ISO8601:ts} x", {"year"}),
        (r"^(?P<a>\d{1,3})\.\d", {"number"}),
        (r"^%{IPV4:ip} ", {"number"}),
        (r"^%{MONTHABBR} +\d", {"other"}),
        (r"^\[?(?:\d{4}-\d\d)", {"year", "other"}),
        (r"(?i)^x", {"other"}),
        (r"^\d\d", {"year", "number"}),
        (r"x", set(STARTS)),
        (r"^.*x$", set(STARTS)),
        (r"^1|^2", set(STARTS)),
    ],
)
def test_how_lines_begin(pattern: str, starts: set[str]) -> None:
    assert find_starts(read_pattern(pattern, FRAGMENTS)) == starts


def test_every_line_is_in_one_part() -> None:
    parts = part_lines(pl.Series(["2026-", "12", "x", "", "9999", "1.2.3.4", "١٢٣٤"]))

    assert {start: rows.to_list() for start, rows in parts.items()} == {
        "year": [0, 4],
        "number": [1, 5],
        "other": [2, 3, 6],
    }


@given(st.lists(LINE, min_size=1, max_size=20))
def test_parting_the_lines_changes_nothing(lines: list[str]) -> None:
    texts = [r"^\d{4}-", r"^\d+\.", r"^a", r"9", r"^.?1", r"^(?:é|5)", r"^\d\d?$", "^-(?=a)"]
    few = [read_pattern(text, {}) for text in texts]
    more = [read_pattern(f"^other {number}", {}) for number in range(PARTED_PATTERNS)]
    parted, whole = build_chooser([*few, *more]), build_chooser(few)

    found = parted.find_candidates(pl.Series(lines))
    expected = whole.find_candidates(pl.Series(lines))

    assert [start for start, _ in parted.parts] == list(STARTS)
    assert set(zip(found.lines, found.patterns, strict=True)) == set(
        zip(expected.lines, expected.patterns, strict=True)
    )

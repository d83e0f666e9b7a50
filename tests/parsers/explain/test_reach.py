from hypothesis import given
from hypothesis import strategies as st

from parsers.explain.reach import find_reach
from parsers.patterns.dialect import read_pattern
from parsers.patterns.fragments import FRAGMENTS

PATTERN = r"^(?P<ts>\d{4}-\d\d-\d\d) (?:INFO|WARN) \[(?P<thread>[^\]]*)\] (?P<message>.*)$"


def reach(text: str, pattern: str = PATTERN) -> tuple[int, str, str]:
    found = find_reach(read_pattern(pattern, FRAGMENTS), text)
    return found.end, found.wanted, found.found


def test_the_break_is_found_in_a_sequence() -> None:
    assert reach("2026-07-01 INFO main] up") == (16, r"\[(?P<thread>[^\]]*)\] (?P<message>.*)$", "main] up")


def test_the_break_is_found_inside_groups_and_branches() -> None:
    assert reach("2026 hello") == (4, r"-\d\d-\d\d", " hello")
    assert reach("2026-07-01 WARM [x] up") == (14, "N", "M [x] up")


def test_a_line_that_ends_too_early() -> None:
    assert reach("2026-07-01 INFO [main") == (21, r"\] (?P<message>.*)$", "")


def test_nothing_matches() -> None:
    found = find_reach(read_pattern(PATTERN, {}), "hello")
    assert (found.end, found.certain, found.found) == (0, 0, "hello")


def test_an_outer_alternation_takes_the_branch_that_gets_further() -> None:
    assert reach("b 12 x", r"^a (?P<n>\d+)$|^b (?P<m>\d+) y$")[:2] == (5, "y$")


def test_what_takes_everything_proves_little() -> None:
    found = find_reach(read_pattern(r"^.*? - (?P<message>.*)$", {}), "no dash here")
    loose = find_reach(read_pattern(r"^.* - (?P<message>.*)$", {}), "no dash here")
    assert found.certain == loose.certain == 3
    assert loose.end == 8


def test_look_around_and_references_do_not_break_it() -> None:
    assert reach("ab", r"^(?P<a>a)(?=c)b$")[0] == 1
    assert reach("xay", r"^(?P<q>['x])a(?P=q)$")[0] >= 1


@given(st.text(alphabet="ab 12[]", max_size=12))
def test_the_whole_pattern_is_reached_exactly_when_it_matches(text: str) -> None:
    pattern = read_pattern(r"^(?:a+|b) \[(?P<n>\d*)\](?: (?P<m>[ab]+))?$", {})
    found = find_reach(pattern, text)
    import re

    matches = re.search(r"^(?:a+|b) \[\d*\](?: [ab]+)?$", text) is not None
    assert (found.wanted == "") == matches
    assert 0 <= found.certain <= found.end <= len(text)

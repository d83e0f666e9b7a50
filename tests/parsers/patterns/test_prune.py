import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import narrow_scan, to_hyperscan, to_regex
from parsers.patterns.prune import prune_pattern
from parsers.patterns.starts import Start, find_starts
from parsers.patterns.tokens import ReadPattern

FORMS = ["[0-9]{4}-", "[0-9]{1,2}/", "[A-Z][a-z]{2} ", "<[0-9]+>", "x?", "[0-9]+", r"\[?", ".", "20"]
GROUPS = st.lists(st.lists(st.sampled_from(FORMS), max_size=2).map("".join), min_size=1, max_size=3)
PIECES = st.tuples(GROUPS, st.sampled_from(["", "", "?", "*"])).map(
    lambda drawn: f"(?:{'|'.join(drawn[0])}){drawn[1]}"
)
LINES = st.from_regex(r"(<[0-9]>)?\[?([0-9]{1,5}|[A-Z][a-z]{2} )?[-/x]?[0-9a]{0,4}", fullmatch=True)


def prune(text: str, start: Start) -> str:
    read = read_pattern(text, {})
    return to_regex(ReadPattern(prune_pattern(read.tokens, start), read.names, {}, read.is_linear))


def find_start(line: str) -> Start:
    if regex.match("[0-9]{4}", line):
        return "year"
    return "number" if regex.match("[0-9]", line) else "other"


@given(st.lists(PIECES | st.sampled_from(FORMS), min_size=1, max_size=3), LINES)
def test_lines_of_the_start_match_as_before(pieces: list[str], line: str) -> None:
    pattern = f"^{''.join(pieces)}"
    whole = regex.compile(to_regex(read_pattern(pattern, {})), regex.ASCII)
    left = regex.compile(prune(pattern, find_start(line)), regex.ASCII)

    assert bool(left.search(line)) == bool(whole.search(line))


@pytest.mark.parametrize(
    ("pattern", "start", "left"),
    [
        ("^(?P<t>[0-9]{4}-|[0-9]{2}/|[A-Z]+ )x", "year", "^(?P<t>[0-9]{4}-)x"),
        ("^(?P<t>[0-9]{4}-|[0-9]{2}/|[A-Z]+ )x", "number", "^(?P<t>[0-9]{2}/)x"),
        ("^(?:<[0-9]+>)?[[]?(?:[0-9]{4}-|[A-Z]+ )", "year", "^(?:[0-9]{4}-)"),
        ("^(?:<[0-9]+>)?[0-9]{4}-", "other", "^(?:<[0-9]+>)[0-9]{4}-"),
        ("^(?:|[0-9]{4}-|[A-Z]+ )x", "other", "^(?:|[A-Z]+ )x"),
        # A group within the group, and an end where there is more than one way on.
        ("^(?:(?:[0-9]{4}-|a)|b)(?:c|d)", "year", "^(?:(?:[0-9]{4}-))(?:c|d)"),
        ("^x*(?:[0-9]{4}|a)", "year", "^x*(?:[0-9]{4}|a)"),
        # Not at the line's start, or not in every alternative.
        ("(?:[0-9]{4}|a)", "year", "(?:[0-9]{4}|a)"),
        ("^(?:[0-9]{4}|a)|b", "year", "^(?:[0-9]{4}|a)|b"),
    ],
)
def test_what_no_line_of_the_start_has_is_left_out(pattern: str, start: Start, left: str) -> None:
    assert prune(pattern, start) == to_regex(read_pattern(left, {}))


def test_a_scan_gets_other_texts_only_where_they_are_other() -> None:
    plain, parted = read_pattern("^.*x", {}), read_pattern("^(?:[0-9]{4}-|a)x", {})

    assert narrow_scan(plain, find_starts(plain)) == {}
    assert narrow_scan(parted, find_starts(parted)) == {
        "year": to_hyperscan(read_pattern("^(?:[0-9]{4}-)x", {}))[0],
        "other": to_hyperscan(read_pattern("^(?:a)x", {}))[0],
    }

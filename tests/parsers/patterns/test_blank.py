import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.blank import find_blankable
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import PatternError

PIECES = st.sampled_from(
    ["a", "-", r"\S", r"\w", ".", "[^-]", "[a-]", "(?:x|-)", "(?:)", "(?:a?-)", "%{NUMBER}"]
)
QUANTIFIERS = st.sampled_from(["", "?", "*", "+", "{2}", "{0,3}", "{1,2}", "{0}", "{2,}", "*?"])
ALTERNATIVE = st.lists(st.tuples(PIECES, QUANTIFIERS).map("".join), max_size=3).map("".join)


@given(st.lists(ALTERNATIVE, min_size=1, max_size=3).map("|".join))
def test_a_capture_is_blankable_if_it_can_hold_nothing_or_a_dash(inner: str) -> None:
    try:
        read = read_pattern(f"^x(?P<a>{inner})y", FRAGMENTS)
    except PatternError:
        return
    alone = regex.compile(to_regex(read_pattern(inner, FRAGMENTS)), regex.ASCII)

    expected = any(alone.fullmatch(text) for text in ("", "-"))

    assert ("a" in find_blankable(read)) == expected


@pytest.mark.parametrize("inner", [r"(?=x)", r"(?<!x)", r"(?P<b>q)?(?P=b)"])
def test_what_the_shape_does_not_tell_counts_as_blankable(inner: str) -> None:
    assert "a" in find_blankable(read_pattern(f"(?P<a>{inner})", {}))


def test_captures_inside_captures_are_looked_at_on_their_own() -> None:
    read = read_pattern(r"^(?P<a>(?P<b>\d+)|(?P<c>-)) (?P<d>\S+)$", {})

    assert find_blankable(read) == {"a", "c", "d"}

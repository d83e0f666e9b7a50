import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.absorb import absorb_alternatives
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import to_regex
from parsers.patterns.tokens import ReadPattern

PIECES = st.sampled_from(
    ["a", "b", "ab", "[ab]", "[^c]", "a+", "b?", "(?:a|c)", "(?P<x>b*)", ".", "c", r"\b"]
)
BRANCHES = st.lists(PIECES, max_size=3).map("".join)
REPEATED = st.sampled_from(["[ab]*", "[^c]*", "[^c]*?", ".*", "[a-z]*"])


def absorb(text: str) -> str:
    read = read_pattern(text, {})
    return to_regex(ReadPattern(absorb_alternatives(read.tokens), read.names, {}, read.is_linear))


@given(
    st.lists(BRANCHES, min_size=1, max_size=3),
    REPEATED,
    st.sampled_from(["", "?", "*"]),
    st.text(alphabet="abc\xe9 ", max_size=6),
)
def test_what_is_left_matches_the_same_texts(
    branches: list[str], repeated: str, quantifier: str, text: str
) -> None:
    names = iter("pqrstuvw")
    body = "|".join([*branches, repeated])
    while "(?P<x>" in body:
        body = body.replace("(?P<x>", f"(?P<{next(names) * 2}>", 1)
    pattern = f"^<(?:{body}){quantifier}>$"
    whole = regex.compile(to_regex(read_pattern(pattern, {})), regex.ASCII)
    left = regex.compile(absorb(pattern), regex.ASCII)

    assert bool(left.search(f"<{text}>")) == bool(whole.search(f"<{text}>"))


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ('"(?:GET|POST|[^"]*)"', '"(?:[^"]*)"'),
        ("(?:-|(?:a|.*))x", "(?:-|(?:.*))x"),
        # Of characters that the class lacks, of parts of Unicode, or whatever the case.
        ('(?:G"|[^"]*)', '(?:G"|[^"]*)'),
        (r"(?:\p{Lu}|[^-]*)", r"(?:\p{Lu}|[^-]*)"),
        ("(?:(?i:g)|[a-z]*)", "(?:(?i:g)|[a-z]*)"),
        ("(?i)(?:g|[a-z]*)", "(?i)(?:g|[a-z]*)"),
        # One character at least is no repetition from none on.
        ("(?:|[a-z]+)", "(?:|[a-z]+)"),
    ],
)
def test_alternatives_go_where_another_one_holds_them(pattern: str, left: str) -> None:
    assert absorb(pattern) == to_regex(read_pattern(left, {}))

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import to_hyperscan, to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import ReadPattern
from parsers.patterns.widen import FEWEST_WORDS, widen_words

WORDS = st.text(alphabet="abcxyzABC019_-", min_size=1, max_size=6)


def widen(text: str) -> str:
    read = read_pattern(text, FRAGMENTS)
    return to_regex(ReadPattern(widen_words(read.tokens), read.names, {}, read.is_linear))


@given(st.lists(WORDS, min_size=1, max_size=20), WORDS, st.booleans())
def test_a_widened_list_matches_all_its_words(words: list[str], other: str, ignores_case: bool) -> None:
    flags = "(?i:" if ignores_case else "(?:"
    text = f"^<{flags}{'|'.join(regex.escape(word, special_only=True) for word in words)})>$"
    narrow = regex.compile(to_regex(read_pattern(text, {})), regex.ASCII)
    wide = regex.compile(widen(text), regex.ASCII)

    for word in [*words, words[0].swapcase(), other]:
        assert wide.search(f"<{word}>") or not narrow.search(f"<{word}>")


def test_a_list_of_words_becomes_classes() -> None:
    assert widen("^(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)x") == (
        "(?:^(?:[ADFJM-OS][aceo-pu][b-cglnprtvy])x)"
    )


@pytest.mark.parametrize(
    ("pattern", "matches", "differs"),
    [
        (r"^(?:a|b|c|d|e|f)$", "a", "g"),  # too few to be worth it
        (r"^%{LOGLEVEL}$", "Information", "x"),
        (r"^(?P<m>%{MONTH})$", "Sept".replace("t", ""), "Sex-"),
        (r"^(?:DEBUG[1-5]?|LOG|INFO|HINT|ERROR|FATAL|PANIC)$", "DEBUG5", "LO"),
        (r"^(?:a+|b|c|d|e|f|g|h)$", "aa", "aab"),  # no list of words
        (r"^(?:ä|b|c|d|e|f|g|h)$", "ä", "ab"),
    ],
)
def test_what_is_widened_still_matches(pattern: str, matches: str, differs: str) -> None:
    wide = regex.compile(widen(pattern), regex.ASCII)

    assert wide.search(matches)
    assert not wide.search(differs)


def test_a_pattern_with_a_widened_list_is_not_exact() -> None:
    words = "|".join("abcdefghij"[:FEWEST_WORDS])

    assert not to_hyperscan(read_pattern(f"^(?:{words})$", {}))[1]
    assert to_hyperscan(read_pattern("^(?:a|b)$", {}))[1]

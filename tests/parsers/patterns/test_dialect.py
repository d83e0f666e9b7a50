import polars as pl
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.always import matches_everything
from parsers.patterns.choose import build_chooser
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import to_hyperscan, to_polars, to_regex
from parsers.patterns.extract import Extracted, build_extractor
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import PatternError

PATTERNS = [
    r"^(?P<source.ip>%{IP}) (?P<a>\S+) (?P<b>[^\]]*)$",
    r"(?i)error (\w+)\b",
    r"^[\w.-]+[^\s\"]*[]a-]é?$",
    r"^(?P<a>[[:alpha:]_]+)\p{Lu}?<>/#$",
    r"a{2}b{x}c{,3}",
    r"^(?:foo|bar$)|^baz",
    r"%{QUOTEDSTRING:q} %{NUMBER:n:double}",
    r"^(?P<a>.*?)(?P<b>\d+)(?P<c>.*)$",
    r"[\S ]+\W",
    r"^\x1b?\[[^\d]{1,3}",
    r"",
    r"^$",
]
UNSHARED = [r"^(?P<a>\w)(?!x)(?P<b>.*)$", r"(\w)\1", r"(?<=a)b", r"^(?>a+)b", r"^a++b", r"^(?P<a>x)(?P=a)$"]
TEXT = st.text(alphabet=st.sampled_from("abxé19.:-_ []\"'<>/#{}\\\x1b\t\x00Ω$^(|)=foobarzERROR"), max_size=40)


def to_mask(extracted: Extracted, texts: list[str]) -> list[bool]:
    return [True] * len(texts) if extracted.matched is None else extracted.matched.to_list()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_engine_takes_a_pattern_of_the_dialect(pattern: str) -> None:
    read = read_pattern(pattern, FRAGMENTS)
    linear = to_polars(read)

    assert linear is not None
    pl.Series([""]).str.extract_groups(linear)
    regex.compile(to_regex(read), regex.ASCII)
    build_chooser([read])


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
def test_every_fragment_is_linear_and_scannable(name: str) -> None:
    read = read_pattern(f"^%{{{name}}}$", FRAGMENTS)

    assert read.is_linear
    assert build_chooser([read]).unscannable == ()


@pytest.mark.parametrize("pattern", UNSHARED)
def test_patterns_beyond_the_linear_engines_go_to_regex(pattern: str) -> None:
    read = read_pattern(pattern, FRAGMENTS)

    assert to_polars(read) is None
    assert not to_hyperscan(read)[1]
    assert build_extractor(read).fallback is not None


@given(st.sampled_from(PATTERNS), st.lists(TEXT, min_size=1, max_size=8))
def test_polars_and_regex_capture_the_same(pattern: str, texts: list[str]) -> None:
    read = read_pattern(pattern, FRAGMENTS)
    series = pl.Series("text", texts)

    fast = build_extractor(read).extract(series)
    slow = build_extractor(read, reference=True).extract(series)

    matched = to_mask(slow, texts)
    assert to_mask(fast, texts) == matched
    # A column of a line that did not match means nothing.
    if fast.columns.width:
        assert fast.columns.filter(matched).to_dicts() == slow.columns.filter(matched).to_dicts()


@given(st.sampled_from(PATTERNS + UNSHARED), st.lists(TEXT, min_size=1, max_size=8))
def test_hyperscan_finds_every_line_that_regex_matches(pattern: str, texts: list[str]) -> None:
    read = read_pattern(pattern, FRAGMENTS)
    chooser = build_chooser([read])
    series = pl.Series("text", texts)
    mask = to_mask(build_extractor(read, reference=True).extract(series), texts)
    matched = {line for line, found in enumerate(mask) if found}

    found = chooser.find_candidates(series).lines.tolist()

    assert len(found) == len(set(found))
    assert set(found) == matched if chooser.exact[0] else set(found) >= matched


@pytest.mark.parametrize("length", [0, 1, 7, 31, 64, 200])
@pytest.mark.parametrize("before", [[], ["x" * 77]])
def test_the_last_line_of_a_batch_is_found_as_any_other(length: int, before: list[str]) -> None:
    chooser = build_chooser([r"^[ \t]*\{[^\n]*\}[ \t]*$", r"^[a-z{][^\n]*[}x]$"])
    line = '{"a":"' + "y" * length + '"}'

    found = chooser.find_candidates(pl.Series([*before, line]))

    last = {pattern for row, pattern in zip(found.lines, found.patterns, strict=True) if row == len(before)}
    assert last == {0, 1}


@pytest.mark.parametrize(
    ("pattern", "position", "words"),
    [
        (r"a(b", 1, "not closed"),
        (r"ab)", 2, "closes nothing"),
        (r"a[b", 1, "not closed"),
        (r"*a", 0, "repeats nothing"),
        (r"a**", 2, "repeats nothing"),
        (r"a{3,1}", 1, "counts backwards"),
        (r"(?P<a>x)(?P<a>y)", 8, "captured twice"),
        (r"(?P<a b>x)", 0, "no field name"),
        (r"a\q", 1, "not part of the dialect"),
        ("a\\", 1, "ends in a backslash"),
        (r"a\nb", 1, "no newline"),
        (r"a%{IPP:x}", 1, "did you mean %{IPV6}?|did you mean %{IP}?|did you mean %{IPV4}?"),
        (r"%{IP:x:lon}", 7, "unknown type"),
        (r"a(?s)b", 1, "flags"),
        (r"a(?i)b", 1, "first"),
        (r"[z-a]", 1, "counts backwards"),
        (r"[[:foo:]]", 1, "unknown class"),
        (r"a{2000}", 1, "over 1000"),
    ],
)
def test_a_pattern_that_cannot_be_read_says_where_and_why(pattern: str, position: int, words: str) -> None:
    with pytest.raises(PatternError) as caught:
        read_pattern(pattern, FRAGMENTS)

    said = f"{caught.value.message} {caught.value.hint}"
    assert any(word in said for word in words.split("|"))
    assert caught.value.position == position


def test_a_fragment_that_holds_itself_is_an_error() -> None:
    with pytest.raises(PatternError, match="holds itself"):
        read_pattern("%{A}", {"A": "x%{B}", "B": "y%{A}"})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^(?P<message>.*)$", True),
        (r".*", True),
        (r"^(?:\[(?P<a>\d+)\] ?)?(?P<message>.*)$", True),
        (r"^(?P<a>.*)x?$", True),
        (r"^(?P<a>.+)$", False),
        (r"^a(?P<message>.*)$", False),
        (r"^(?:a|b.*)$", False),
        (r"^a|.*$", False),
        (r"^(?P<a>.*) (?P<b>.*)$", False),
        (r"^(?P<a>\w*)$", False),
        (r"", False),
    ],
)
def test_patterns_that_match_everything_are_known_by_their_shape(pattern: str, expected: bool) -> None:
    assert matches_everything(read_pattern(pattern, FRAGMENTS)) is expected


@given(st.sampled_from([r"^(?P<message>.*)$", r"^(?:\[\d+\] ?)?(?P<b>.*)$", r"^(?P<a>.*)x?$"]), TEXT)
def test_what_is_known_to_match_everything_does(pattern: str, text: str) -> None:
    assert build_extractor(read_pattern(pattern, FRAGMENTS)).extract(pl.Series([text])).matched is None


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = read_pattern(text, FRAGMENTS)
    except PatternError:
        return

    try:
        build_extractor(read)
    except ValueError:
        return
    with_all = build_chooser([read, read_pattern("^a$", {})])

    with_all.build()
    assert 1 in with_all.find_candidates(pl.Series(["a"])).patterns

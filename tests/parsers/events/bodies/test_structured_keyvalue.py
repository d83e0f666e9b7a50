import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured import build_keyvalue_pattern, read_keyvalue_bodies
from parsers.model import Body
from tests.parsers.events.bodies.reading import PLAIN, read_all, read_one

COMMAS = Body(separator=",", assign=":")


def read(text: str | None, *wanted: str, body: Body = PLAIN) -> object:
    return read_one(read_keyvalue_bodies, text, *wanted, body=body)


def test_pairs_of_a_firewall() -> None:
    text = r"""date=2026-07-01 devname="fw 1" msg="said \"no\" \\ \n" user='ada l' empty= url=/a?b=c"""

    assert read(text, "date", "missing") == (
        {"date": "2026-07-01"},
        {"devname": "fw 1", "msg": r'said "no" \ \n', "user": "ada l", "empty": "", "url": "/a?b=c"},
    )


def test_one_pair_is_enough_and_the_last_of_equal_keys_wins() -> None:
    assert read("a=1") == ({}, {"a": "1"})
    assert read("a=1 b=2 a=3") == ({}, {"b": "2", "a": "3"})
    assert read("  a=1\tb=2  ", "b") == ({"b": "2"}, {"a": "1"})


def test_separator_and_assign() -> None:
    assert read('Source IP : 192.0.2.1, Text:"a, b" ,c:,d:x:y,', "d", body=COMMAS) == (
        {"d": "x:y"},
        {"Source IP": "192.0.2.1", "Text": "a, b", "c": ""},
    )
    assert read("a->1|b-c->x y", body=Body(separator="|", assign="->")) == ({}, {"a": "1", "b-c": "x y"})
    assert read("a:=1 b:=2", body=Body(assign=":=")) == ({}, {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    "text", ["", "a", "a b=1", "a=1 b", "=1", 'a="open', 'a="x"b=1', "a=1\nb=2", "a=1, b=2 c", None]
)
def test_not_pairs(text: str | None) -> None:
    assert read(text, "a", body=COMMAS if text and "," in text else Body()) is None


def test_pairs_beyond_the_limit_become_one_text() -> None:
    assert read("a=1 b=2 c=3 d=4", "a", body=Body(max_fields=2)) == (
        {"a": "1"},
        {"b": "2", "c": "3", "_beyond": '{"d":"4"}'},
    )


KEYS = st.text("abcxyz_.-", min_size=1, max_size=4)
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


def quote(value: str) -> str:
    return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.sampled_from([Body(), COMMAS]))
@settings(deadline=None, max_examples=60)
def test_quoted_pairs_come_back(pairs: dict[str, str], body: Body) -> None:
    text = (", " if body.separator else " ").join(
        f"{key}{body.assign}{quote(value)}" for key, value in pairs.items()
    )

    assert read(text, body=body) == ({}, pairs)
    assert regex.match(build_keyvalue_pattern(body), text)


@given(st.lists(st.text("ab=\"\\ ,:'", max_size=12), max_size=5), st.sampled_from([Body(), COMMAS]))
@settings(deadline=None, max_examples=60)
def test_a_batch_reads_as_its_texts_do_and_what_is_read_is_looked_for(texts: list[str], body: Body) -> None:
    results = read_all(read_keyvalue_bodies, texts, "a", body=body)

    assert results == [read(text, "a", body=body) for text in texts]
    for text, result in zip(texts, results, strict=True):
        assert result is None or regex.match(build_keyvalue_pattern(body), text)

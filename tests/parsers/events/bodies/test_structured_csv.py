import csv
import io

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured import build_csv_pattern, read_csv_bodies
from parsers.model import Body
from tests.parsers.events.bodies.reading import read_all, read_one

FOUR = Body(columns=("ts", "source.ip", "_", "kind"))


def read(text: str | None, *wanted: str, body: Body = FOUR) -> object:
    return read_one(read_csv_bodies, text, *wanted, body=body)


def test_columns_with_dots_are_fields_others_are_left_to_the_rest() -> None:
    assert read("10:00,192.0.2.1,dropped,a b", "ts") == (
        {"ts": "10:00", "source.ip": "192.0.2.1"},
        {"kind": "a b"},
    )
    assert read("10:00,,,") == ({}, {"ts": "10:00"})


def test_quotes_of_rfc_4180() -> None:
    assert read('"a, ""b""","192.0.2.1","","two\nlines"') == (
        {"source.ip": "192.0.2.1"},
        {"ts": 'a, "b"', "kind": "two\nlines"},
    )


@pytest.mark.parametrize(
    "text", ["", "a,b,c", "a,b,c,d,e", 'a,b"c,d,e', '"a,b,c,d', '"a"b,c,d,e', "a,b,c,d\n", None]
)
def test_not_the_columns(text: str | None) -> None:
    assert read(text) is None


def test_another_separator() -> None:
    body = Body(separator="|", columns=("a", "b"))

    assert read('1,2|"x|y"', body=body) == ({}, {"a": "1,2", "b": "x|y"})


def test_columns_beyond_the_limit_become_one_text() -> None:
    assert read("1,2,3", body=Body(columns=("a", "b", "c"), max_fields=1)) == (
        {},
        {"a": "1", "_beyond": '{"b":"2","c":"3"}'},
    )


FIELDS = st.text(st.sampled_from('ab",;| \n\tä'), max_size=6)


@given(st.lists(FIELDS, min_size=2, max_size=5), st.sampled_from(",;|\t"), st.booleans())
@settings(deadline=None, max_examples=80)
def test_what_a_writer_quotes_comes_back(fields: list[str], separator: str, quotes_all: bool) -> None:
    text = io.StringIO()
    if quotes_all:
        csv.writer(text, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(fields)
    else:
        csv.writer(text, delimiter=separator, lineterminator="\n").writerow(fields)
    body = Body(separator=separator, columns=tuple(f"c{number}" for number in range(len(fields))))

    expected = {f"c{number}": field for number, field in enumerate(fields) if field}
    line = text.getvalue().removesuffix("\n")
    assert read(line, body=body) == ({}, expected)
    assert regex.match(build_csv_pattern(body), line)


@given(st.lists(st.text('ab",', max_size=10), max_size=6))
@settings(deadline=None, max_examples=60)
def test_a_batch_reads_as_its_texts_do(texts: list[str]) -> None:
    assert read_all(read_csv_bodies, texts, "ts", body=FOUR) == [read(text, "ts") for text in texts]

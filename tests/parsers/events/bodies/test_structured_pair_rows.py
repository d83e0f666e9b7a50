"""Plain pairs are read in a way of their own: it has to say what the patterns of the format say."""

from collections.abc import Iterable

import msgspec
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured import BodyReader, read_keyvalue_bodies, read_logfmt_bodies
from parsers.events.bodies.structured_bodies import PART, Bodies
from parsers.events.bodies.structured_keyvalue import read_parted_bodies
from parsers.events.bodies.structured_pair_rows import MOST_PAIRS
from parsers.events.bodies.structured_pairs import KEY, ROW, VALUE, spread_pairs
from parsers.model import Body

_PAIR = r'[A-Za-z_@][A-Za-z0-9_.@/-]*=(?:"(?:[^"\\]|\\.)*"|[^\s"][^\s]*)?'


def read_logfmt_by_pattern(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    found = texts.str.contains(rf"^{_PAIR}(?:[ \t]+{_PAIR})+[ \t]*$").fill_null(False)
    rows = found.arg_true()
    pairs = pl.DataFrame({ROW: rows, "pair": texts.gather(rows).str.extract_all(_PAIR)}).explode("pair")
    parts = pl.col("pair").str.splitn("=", 2).struct.rename_fields([KEY, VALUE])
    pairs = pairs.select(ROW, parts.struct.unnest())
    said = [_unquote(text) for text in pairs[VALUE].to_list()]
    pairs = pairs.with_columns(pl.Series(VALUE, said, dtype=pl.String))
    values, rest = spread_pairs(pairs, len(texts), wanted, body.max_fields)
    return Bodies(found, values, {"": rest})


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return msgspec.json.decode(text, type=str)
    except msgspec.MsgspecError:
        return text[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")


def show(bodies: Bodies) -> tuple[object, ...]:
    values = {key: column.to_list() for key, column in bodies.values.items()}
    return bodies.matched.to_list(), values, bodies.rest[""].to_list()


KEYS = st.sampled_from(["a", "b", "c.d", "@x", "1k", "é", "k'", "K" * 1001])
PLAIN = st.sampled_from(["1", "x", "", "-", "a=b", "a,b", '"x y"', '""', '"a=b c=d"', "it's", "{", "é"])
ODD = st.sampled_from(
    [
        *(
            r'"a\"b"',
            r'"a\\b"',
            r'"\n"',
            r'"C:\dir"',
            r'"\ud83d"',
            "'x y'",
            r"'a\'b'",
            "'",
            '"',
            'b"c',
            'a="b"',
        ),
        *('"a"b', "x\\y", "\u00a0", "x\u2003y", '"\u00a0"', '"\t"', '"\n"', '"\\\n"', '{"a":1}', ":", "\x1c"),
    ]
)
GAPS = st.sampled_from([" "] * 12 + ["  ", "\t", "\n", "", "\u00a0", " , "])


@st.composite
def draw_text(draw: st.DrawFn) -> str:
    values = PLAIN if draw(st.booleans()) else PLAIN | ODD
    pairs = draw(st.lists(st.tuples(KEYS, values, GAPS), max_size=6))
    text = "".join(f"{key}={value}{gap}" for key, value, gap in pairs)
    return draw(st.sampled_from(["", "", "", " ", "\t", "\n"])) + (
        text if draw(st.booleans()) else text.rstrip(" ")
    )


TEXTS = st.lists(draw_text() | st.text("ab=\"'\\ \t", max_size=12) | st.none(), max_size=8)
READERS = st.sampled_from(
    [(read_keyvalue_bodies, read_parted_bodies), (read_logfmt_bodies, read_logfmt_by_pattern)]
)
BODIES = st.sampled_from([Body(), Body(max_fields=1)])


@given(READERS, TEXTS, st.sets(KEYS), BODIES)
@example((read_keyvalue_bodies, read_parted_bodies), ["a=1 b='x'", "a=1 b=2"], {"a"}, Body())
@settings(deadline=None, max_examples=250)
def test_pairs_are_those_of_the_pattern(
    readers: tuple[BodyReader, BodyReader], texts: list[str | None], keys: set[str], body: Body
) -> None:
    series, wanted = pl.Series(texts, dtype=pl.String), dict.fromkeys(sorted(keys), False)
    reader, by_pattern = readers

    assert show(reader(series, wanted, body)) == show(by_pattern(series, wanted, body))


def test_many_texts_are_read_in_parts() -> None:
    texts = [f'n={row} s="x {row}"' + (" late=y" if row > PART else "") for row in range(PART * 2 + 7)]
    texts[5] = "no pairs"
    series, wanted = pl.Series(texts, dtype=pl.String), {"s": False, "late": False}

    assert show(read_logfmt_bodies(series, wanted, Body())) == show(
        read_logfmt_by_pattern(series, wanted, Body())
    )


def test_a_long_text_without_pairs_is_read_once() -> None:
    text = "a=1 " + "b" * 1_000_000

    assert read_keyvalue_bodies(pl.Series([text, text + '="']), {}, Body()).matched.to_list() == [
        False,
        False,
    ]


@pytest.mark.parametrize("end", ["", r' b="\""'])
def test_more_pairs_than_a_line_has_are_none(end: str) -> None:
    # With the escape, the text is read pair by pair.
    few, many = "a=b " * (MOST_PAIRS - 1) + "a=b" + end, "a=b " * MOST_PAIRS + "a=b" + end
    few = few if not end else few.removeprefix("a=b ")

    assert read_logfmt_bodies(pl.Series([few, many]), ["a"], Body()).matched.to_list() == [True, False]

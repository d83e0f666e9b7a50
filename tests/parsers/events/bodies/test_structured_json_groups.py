"""Texts of one shape are read key by key, others one by one: both have to say the same."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured import read_json_bodies
from parsers.events.bodies.structured_bodies import PART, Bodies
from parsers.events.bodies.structured_json import FEWEST
from parsers.model import Body

Row = tuple[bool, dict[str, str | None], dict[str, str | None], str | None]


def list_rows(bodies: Bodies) -> list[Row]:
    def pick(columns: Mapping[str, pl.Series], row: int) -> dict[str, str | None]:
        return {key: column[row] for key, column in columns.items() if column[row] is not None}

    rest = bodies.rest[""]
    return [
        (matched, pick(bodies.values, row), pick(bodies.objects, row), rest[row])
        for row, matched in enumerate(bodies.matched)
    ]


def read(texts: list[str | None], wanted: dict[str, bool], body: Body) -> list[Row]:
    return list_rows(read_json_bodies(pl.Series(texts, dtype=pl.String), wanted, body))


def read_alone(texts: list[str | None], wanted: dict[str, bool], body: Body) -> list[Row]:
    """One text is too few for a group."""
    assert FEWEST > 1
    return [read([text], wanted, body)[0] for text in texts]


KEYS = st.sampled_from(
    ["a", "b", "c", "a.b", "b.c", "a.b.c", "log", r"k\u0041", r"n\u0000", "", "é", "K" * 1001]
)
STRINGS = st.sampled_from(
    [
        "x",
        "",
        r"\n",
        r"\ud83d",
        r"\ud83d\ude00",
        "a,b",
        "null",
        "{",
        "[",
        r"a\"b",
        r"\u0000",
        r",\"\\u0000\",",
        r"x\":1",
    ]
).map(lambda text: f'"{text}"')
NUMBERS = st.sampled_from(["1", "1.10", "-0", "1e400", "true", "false", "1" * 25, "1" * 950])
BLANKS = st.sampled_from(["", "", "", " ", "\n", "\r\n\t"])


def write_object(members: list[tuple[str, str]], blank: str) -> str:
    inner = f"{blank},{blank}".join(f'"{key}"{blank}:{blank}{value}' for key, value in members)
    return f"{{{blank}{inner}{blank}}}"


VALUES = st.recursive(
    STRINGS | NUMBERS | st.just("null"),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.builds(write_object, st.lists(st.tuples(KEYS, inner), max_size=3), BLANKS)
    ),
    max_leaves=5,
)


@st.composite
def draw_shape(draw: st.DrawFn, depth: int = 2) -> Any:
    """A strategy of texts of the same keys, whose values are of one kind, or now and then of another."""
    members = []
    for key in draw(st.lists(KEYS, min_size=1, max_size=5)):
        kinds = [STRINGS, NUMBERS, st.just("null"), STRINGS | st.just("null")]
        values = draw(
            st.sampled_from(kinds) if depth == 0 else st.sampled_from(kinds) | draw_shape(depth - 1)
        )
        is_even = draw(st.booleans()) or draw(st.booleans())
        members.append((key, values if is_even else values | VALUES))
    blank = draw(BLANKS)
    return st.tuples(*(values for _, values in members)).map(
        lambda row: write_object([(key, value) for (key, _), value in zip(members, row, strict=True)], blank)
    )


OTHERS = st.sampled_from(
    ["", "{}", "[]", '{"a":1}}', '{"a":"\t"}', ' {"a":1} ', '{"a":' * 25 + "1" + "}" * 25, None]
)
WANTED = st.dictionaries(
    st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c", "a.b.c.a", "log", "kA", "", "é"]), st.booleans()
)
BODIES = st.sampled_from([Body(), Body(), Body(max_fields=2), Body(max_depth=1), Body(max_depth=2)])


@given(st.data(), WANTED, BODIES)
@settings(deadline=None, max_examples=150)
def test_a_batch_reads_as_its_texts_do(data: st.DataObject, wanted: dict[str, bool], body: Body) -> None:
    shapes = data.draw(st.lists(draw_shape(), min_size=1, max_size=2))
    texts = data.draw(st.lists(st.one_of(*shapes, *shapes, *shapes, OTHERS), min_size=FEWEST, max_size=14))

    assert read(texts, wanted, body) == read_alone(texts, wanted, body)


def test_many_texts_are_read_in_parts() -> None:
    texts: list[str | None] = [
        json.dumps({"n": row, "s": f"x{row}", **({"late": "y"} if row > PART else {})})
        for row in range(PART * 2 + 7)
    ]
    texts[5] = "no object"
    rows = read(texts, {"s": False, "late": False}, Body())

    assert rows == read_alone(texts, {"s": False, "late": False}, Body())
    assert rows[5] == (False, {}, {}, None)
    assert rows[PART + 1] == (True, {"s": f"x{PART + 1}", "late": "y"}, {}, f'{{"n":{PART + 1}}}')


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("an object where others have a text", '{"a":{"x":1},"b":{"c":1}}'),
        ("a text where others have an object", '{"a":"x","b":"y"}'),
        ("null", '{"a":null,"b":null}'),
        ("a list", '{"a":[1, {"x": 2}],"b":[]}'),
        ("a key twice", '{"a":"x","b":{"c":1},"a":"y"}'),
        ("blanks and lines", '{"a" :\n"x",\n"b": {"c":\n1 }}'),
        ("a long number", f'{{"a":"x","b":{{"c":1,"d":{"1" * 950}}}}}'),
        ("NUL in a key", '{"a":"x","b":{"c":1,"d\\u0000":1}}'),
        ("half a pair", '{"a":"\\ud83d","b":{"c":"\\udc00"}}'),
    ],
)
def test_one_text_that_is_not_like_the_others(name: str, odd: str) -> None:
    alike = ['{"a":"x","b":{"c":1}}', '{"a":"y","b":{"c":2,"d":3}}'] * 3
    wanted = {"a": False, "b.c": False}
    for at in (0, 3, 6):
        texts: list[str | None] = [*alike[:at], odd, *alike[at:]]

        assert read(texts, wanted, Body()) == read_alone(texts, wanted, Body()), name


def test_an_object_is_taken_whole_where_it_is_wanted() -> None:
    texts: list[Any] = [f'{{"a":{{"b":{row},"c":[{row}, 1]}},"d":{{"e":{row}}}}}' for row in range(5)]

    assert read(texts, {"a": True, "d.e": False}, Body()) == [
        (True, {"d.e": str(row)}, {"a": f'{{"b":{row},"c":[{row},1]}}'}, None) for row in range(5)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # A member of the very name bars what is nested, even where it cannot be taken.
        ('{"a":{"b.c":"x"},"a.b.c":{"d":1}}', {"a.b.c": False}),
        ('{"a":{"b":{"c":"x"},"b.c":"y"}}', {"a.b.c": False}),
        # An object that was looked into is written anew, without its second `x`, where one beside it lost a member.
        ('{"a":{"b":{"x":1,"x":2},"c":5}}', {"a.c": False, "a.b.y": False}),
        ('{"a":{"b":{"x":1,"x":2},"c":5}}', {"a.b.y": False}),
        # What is left of an object that lost a member is wanted, too.
        ('{"a":{"b":{"c":1,"d":2}}}', {"a.b.c": False, "a.b": True, "a": True}),
        ('{"a":{"b":{"c":1}}}', {"a.b.c": False, "a.b": True, "a": True}),
        ('{"a":{},"b":{"c":{}}}', {"a.b": False, "b.c.d": False}),
    ],
)
def test_what_one_key_means_for_another(text: str, wanted: dict[str, bool]) -> None:
    assert read([text] * 5, wanted, Body()) == read_alone([text] * 5, wanted, Body())

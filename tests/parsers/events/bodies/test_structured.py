import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured import BodyReader, read_json_bodies, read_logfmt_bodies
from parsers.model import Body
from tests.parsers.events.bodies.reading import PLAIN

Result = tuple[bool, dict[str, str | None], str | None]


def read_body(reader: BodyReader, text: str | None, wanted: dict[str, bool], body: Body) -> Result:
    bodies = reader(pl.Series([text], dtype=pl.String), wanted, body)
    found = {**bodies.objects, **bodies.values}
    return (
        bodies.matched.item(),
        {key: found[key].item() if key in found else None for key in wanted},
        bodies.rest[""].item(),
    )


def read_json(text: str | None, *wanted: str, body: Body = PLAIN, objects: bool = False) -> Result:
    return read_body(read_json_bodies, text, dict.fromkeys(wanted, objects), body)


def read_logfmt(text: str | None, *wanted: str, body: Body = PLAIN) -> Result:
    return read_body(read_logfmt_bodies, text, dict.fromkeys(wanted, False), body)


def test_wanted_members_are_texts_and_the_others_stay_json() -> None:
    text = '{"level":"info", "status": 200, "ok":true, "none":null, "user": {"id": 7}, "a":"\\u00e9\\n"}'

    assert read_json(text, "level", "status", "ok", "none", "a", "missing") == (
        True,
        {"level": "info", "status": "200", "ok": "true", "none": None, "a": "é\n", "missing": None},
        '{"user":{"id":7}}',
    )


def test_numbers_keep_their_digits() -> None:
    text = '{"big":123456789012345678901234567890,"exact":1.10,"text":"1","far":1e400}'

    assert read_json(text) == (True, {}, text)
    assert read_json(text, "big", "exact")[1] == {"big": "123456789012345678901234567890", "exact": "1.10"}


def test_key_with_dots_is_a_member_or_a_path() -> None:
    assert read_json('{"log.level":"a","log":{"level":"b"}}', "log.level") == (
        True,
        {"log.level": "a"},
        '{"log":{"level":"b"}}',
    )
    assert read_json('{"log":{"level":"b","x":1}}', "log.level") == (
        True,
        {"log.level": "b"},
        '{"log":{"x":1}}',
    )
    assert read_json('{"a":{"b":{"c":[1, 2]}}}', "a.b.c") == (True, {"a.b.c": "[1,2]"}, None)
    assert read_json('{"a":{"b.c":1}}', "a.b.c") == (True, {"a.b.c": "1"}, None)
    assert read_json('{"a":"b"}', "a.b") == (True, {"a.b": None}, '{"a":"b"}')
    assert read_json('{"a":{"b":1,"c":2}}', "a", "a.b", objects=True) == (
        True,
        {"a": '{"c":2}', "a.b": "1"},
        None,
    )


def test_an_object_stays_with_the_rest_where_a_value_is_wanted() -> None:
    text = '{"a":{"b":1},"c":{"d":{"e":1}},"f.g":{"h":1}}'

    assert read_json(text, "a", "c.d", "f.g") == (True, {"a": None, "c.d": None, "f.g": None}, text)
    assert read_json(text, "a", "c.d", "f.g", objects=True) == (
        True,
        {"a": '{"b":1}', "c.d": '{"e":1}', "f.g": '{"h":1}'},
        None,
    )


def test_what_nests_too_deep_becomes_text() -> None:
    text = '{"a":1,"b":{"c":{"d":[1,2]}},"e":[[1]]}'

    assert read_json(text, body=Body(max_depth=2))[2] == '{"a":1,"b":{"c":"{\\"d\\":[1,2]}"},"e":["[1]"]}'


def test_members_beyond_the_limit_become_one_text() -> None:
    text = '{"a":1,"b":{"c":2,"d":[{"e":3}]},"f":4,"g":{"h":5}}'
    read = read_json(text, "a", body=Body(max_fields=4))

    assert read[1] == {"a": "1"}
    assert json.loads(str(read[2])) == {"b": {"c": 2, "d": [{"e": 3}]}, "f": 4, "_beyond": '{"g":{"h":5}}'}
    assert read_json(text, body=Body(max_fields=7))[2] == text
    assert (
        read_logfmt("a=1 b=2 c=3", "a", body=Body(max_fields=1))[2]
        == '{"b":"2","_beyond":"{\\"c\\":\\"3\\"}"}'
    )


def test_last_of_equal_keys_wins() -> None:
    assert read_json('{"a":1,"a":2}') == (True, {}, '{"a":2}')
    assert read_logfmt("a=1 a=2 b=3") == (True, {}, '{"a":"2","b":"3"}')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "[]",
        '"a"',
        "1",
        "null",
        '{"a":1',
        '{"a":1}}',
        '{"a":NaN}',
        "{'a':1}",
        '{"a":"\t"}',
        '{"a":' + "[" * 99999,
    ],
)
def test_not_an_object(text: str) -> None:
    assert read_json(text, "a") == (False, {"a": None}, None)


def test_null_is_not_a_body() -> None:
    assert read_json(None) == (False, {}, None)
    assert read_logfmt(None) == (False, {}, None)


def test_blanks_around_an_object_do_not_matter() -> None:
    assert read_json('  {"a": {"b" : 1}} ') == (True, {}, '{"a":{"b":1}}')
    assert read_json("{}") == (True, {}, None)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert read_json(r'{"a":"\ud83d","b":"\ud83d\ude00"}', "a", "b") == (True, {"a": "�", "b": "😀"}, None)


def test_what_elasticsearch_refuses_is_cut_to_size() -> None:
    deep = read_json('{"a":' * 30 + "1" + "}" * 30)[2]
    long_number = read_json('{"a":' + "1" * 2000 + "}")[2]
    long_key = read_json('{"' + "k" * 40_000 + '":1}')[2]

    assert deep is not None
    assert long_key is not None
    assert deep.count('{"a":') == 20
    assert json.loads(deep)
    assert read_json(r'{"a\u0000b":1}')[2] == '{"a�b":1}'
    assert long_number == '{"a":"' + "1" * 2000 + '"}'
    assert json.loads(long_key) == {"k" * 1000: 1}


def test_logfmt() -> None:
    text = r'ts=2026-07-01T10:00:00Z level=info msg="said \"hi\"\n" url=/a?b=c empty= path="C:\dir" x.y@z=1'

    assert read_logfmt(text, "level", "msg", "missing") == (
        True,
        {"level": "info", "msg": 'said "hi"\n', "missing": None},
        json.dumps(
            {"ts": "2026-07-01T10:00:00Z", "url": "/a?b=c", "empty": "", "path": "C:\\dir", "x.y@z": "1"},
            separators=(",", ":"),
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=1",
        "a=1 word b=2",
        "word a=1 b=2",
        "a=1 b=2 word",
        'a=1 b="open',
        'a="x"b=1 c=2',
        "=1 b=2",
        "a=1\nb=2 c=3",
    ],
)
def test_not_logfmt(text: str) -> None:
    assert read_logfmt(text, "a") == (False, {"a": None}, None)


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "c"]) | st.text(max_size=4), JSON_VALUES, max_size=5
)


@given(OBJECTS, st.booleans())
@settings(deadline=None, max_examples=50)
def test_nothing_of_an_object_is_lost(value: dict[str, Any], ascii: bool) -> None:
    matched, columns, rest = read_json(json.dumps(value, ensure_ascii=ascii), "b", "a.b")

    def clean(item: Any) -> Any:
        if isinstance(item, dict):
            return {key.replace("\0", "�"): clean(inner) for key, inner in item.items()}
        return [clean(inner) for inner in item] if isinstance(item, list) else item

    assert matched
    left = json.loads(rest) if rest else {}
    expected = clean(value)
    taken = expected.pop("b", None)
    if taken is not None:
        if isinstance(taken, dict):
            expected["b"] = taken
        else:
            assert columns["b"] == taken if isinstance(taken, str) else json.loads(str(columns["b"])) == taken
    if columns["a.b"] is None:
        if not isinstance(expected.get("a.b"), dict):
            expected.pop("a.b", None)
        assert left == expected
    else:
        assert left != value


@given(st.lists(OBJECTS.map(json.dumps) | st.text(max_size=20), max_size=6), st.data())
@settings(deadline=None, max_examples=50)
def test_cut_of_the_batch_changes_nothing(texts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(texts)))
    series = pl.Series(texts, dtype=pl.String)

    for read in (read_json_bodies, read_logfmt_bodies):
        wanted = {"a": True, "a.b": False}
        whole = read(series, wanted, Body())
        parts = [read(part, wanted, Body()) for part in (series[:at], series[at:])]

        assert [item for part in parts for item in part.matched] == whole.matched.to_list()
        missing = pl.Series([None] * len(texts), dtype=pl.String)
        found = [item for part in parts for item in part.values.get("a.b", missing[: len(part.matched)])]
        assert found == whole.values.get("a.b", missing).to_list()
        assert [item for part in parts for item in part.rest[""]] == whole.rest[""].to_list()

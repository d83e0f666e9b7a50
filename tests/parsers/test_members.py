import json
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.document import to_documents


def write(**columns: object) -> str:
    frame = pl.DataFrame(
        {"@timestamp": [0], **{name.replace("__", "."): [value] for name, value in columns.items()}}
    ).with_columns(pl.col("@timestamp").cast(pl.Datetime("ms", "UTC")), pl.lit("o").alias("event.original"))
    frame = frame.rename({name: name[:-4] + ".*" for name in frame.columns if name.endswith("_all")})
    document = to_documents(frame)[0]
    assert document.startswith('{"@timestamp":"1970-01-01T00:00:00.000Z","event":{')
    return document.split("},", 1)[1] if "}," in document else ""


def test_members_stand_beside_fields_of_their_object() -> None:
    assert write(fw__a="1", fw_all='{"b":{"c":1.10},"d":null}') == '"fw":{"a":"1","b":{"c":1.10},"d":null}}'
    assert (
        write(x="y", cef__extensions_all='{"b":"c"}', cef__name="n")
        == '"x":"y","cef":{"name":"n","extensions":{"b":"c"}}}'
    )


def test_a_field_wins_over_a_member_of_its_name_and_objects_are_joined() -> None:
    text = write(
        fw__a__b="1", fw__c="2", fw__d="3", fw_all='{"a":{"x":1e400,"b":0},"c":{"e":1.10},"d":9,"f":"é"}'
    )

    assert text == '"fw":{"a":{"b":"1","x":1e400},"c":{"value":"2","e":1.10},"d":"3","f":"é"}}'


def test_members_of_an_object_and_of_one_inside_it() -> None:
    assert json.loads("{" + write(a_all='{"b":{"c":1},"x":2}', a__b_all='{"d":3}')) == {
        "a": {"b": {"c": 1, "d": 3}, "x": 2}
    }


def test_a_mark_in_the_members_is_only_text() -> None:
    assert (
        write(a_all='{"*1":0,"*0":0}', b_all='{"*0":0,"*1":0}') == '"a":{"*1":0,"*0":0},"b":{"*0":0,"*1":0}}'
    )
    assert json.loads("{" + write(a_all='{"t":"\\"*1\\":0 $1"}', b_all='{"c":1}')) == {
        "a": {"t": '"*1":0 $1'},
        "b": {"c": 1},
    }


OBJECTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "$1", "*0"]),
    st.none()
    | st.text(max_size=4)
    | st.integers()
    | st.dictionaries(st.sampled_from("xy"), st.integers(), max_size=2),
    min_size=1,
    max_size=3,
)


@given(st.lists(st.tuples(st.none() | OBJECTS, st.none() | st.text(max_size=3)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_every_row_gets_its_own_members(rows: list[tuple[dict[str, object] | None, str | None]]) -> None:
    frame = pl.DataFrame(
        {
            "@timestamp": pl.Series([0] * len(rows)).cast(pl.Datetime("ms", "UTC")),
            "fw.*": pl.Series(
                [None if value is None else json.dumps(value) for value, _ in rows], dtype=pl.String
            ),
            "fw.q": pl.Series([text for _, text in rows], dtype=pl.String),
        }
    )

    for text, (value, said) in zip(to_documents(frame), rows, strict=True):
        expected = {**({} if said is None else {"q": said}), **(value or {})}
        assert json.loads(text).get("fw", {}) == expected


def merge(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return first
    return {
        key: merge(first[key], second[key]) if key in first and key in second else {**second, **first}[key]
        for key in {**first, **second}
    }


NESTED = st.dictionaries(
    st.sampled_from("abxy"),
    st.dictionaries(
        st.sampled_from("abz"), st.text('\u00e9"\\\n,:{}', max_size=4) | st.integers(), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=3,
)


@given(NESTED, st.sampled_from(["a", "b"]), st.none() | NESTED, st.booleans())
@settings(deadline=None, max_examples=100)
def test_objects_of_fields_and_of_members_become_one(
    members: dict[str, Any], key: str, others: dict[str, Any] | None, ascii: bool
) -> None:
    """Whether members of other objects stand in the document already, or not."""
    columns = {f"fw.{key}.a": "1", "fw.x.q": "2", "fw.*": json.dumps(members, ensure_ascii=ascii)}
    if others is not None:
        columns |= {"gw.a.z": "3", "gw.*": json.dumps(others, separators=(",", ":"))}
    frame = pl.DataFrame({"@timestamp": [0], "event.original": '{"a":\\ "x"}', **columns})
    document = json.loads(
        to_documents(frame.with_columns(pl.col("@timestamp").cast(pl.Datetime("ms", "UTC"))))[0]
    )

    assert document["fw"] == merge(merge({key: {"a": "1"}}, {"x": {"q": "2"}}), members)
    if others is not None:
        assert document["gw"] == merge({"a": {"z": "3"}}, others)

"""Laws of envelopes: read by column they say what each says when it is taken apart alone, member by member."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured_json import mend_surrogates
from pipeline.stages.envelope import is_cut_by_docker, is_envelope, open_object, read_line
from pipeline.stages.envelope_context import merge_fields, read_part
from pipeline.stages.envelope_rows import read_envelopes
from pipeline.stages.envelope_table import PARTS
from pipeline.stages.envelope_times import to_milliseconds

KEYS = [
    *(
        "@timestamp",
        "timestamp",
        "time",
        "date",
        "message",
        "log",
        "offset",
        "file",
        "host",
        "agent",
        "input",
    ),
    *(
        "@metadata",
        "stream",
        "tags",
        "fields",
        "kubernetes",
        "level",
        "tag",
        "env",
        r"\u0061gent",
        "",
        "ключ",
    ),
]
# JSON texts, right and wrong.
TEXTS = [
    *(
        '""',
        '"line"',
        r'"a \"b\" \\ \/ \n\t"',
        r'"\u003c\u00e9\ud83d\ude00"',
        r'"\ud83d"',
        r'"\u0000"',
        r'"\x"',
    ),
    *(
        '"line\\n"',
        '"é😀"',
        '"\x01"',
        '"{\\"message\\":\\"x\\",\\"offset\\":1}"',
        '"2026-07-01T10:00:00.123Z"',
    ),
    *('"2026-07-01T10:00:00.5+02:00"', '"yesterday"', '"2026-07-01T10:00:00.12345678Z"', "null", "true"),
]
NUMBERS = [
    *(
        "0",
        "-0",
        "7",
        "007",
        "1e3",
        "1.0",
        "-5",
        "1782900000",
        "1782900000.123",
        "1782900000123",
        "1e400",
        "NaN",
    ),
    *("9223372036854775807", "9223372036854775808", "123456789012345678901234567890", "+1", ".5"),
]
OTHERS = [
    *(
        "{}",
        "[]",
        "[" * 40 + "]" * 40,
        '{"a":' * 2000 + "1" + "}" * 2000,
        '{"path":"/x","inode":"7"}',
        '["a",null]',
    ),
    *(
        '{"name":"web-1","id":"9f"}',
        '{"id":"9f","name":"web-1"}',
        '{"name":"web-1","name":"db-2"}',
        '{"a":{"b":null}}',
    ),
    *(
        '{"offset":7,"file":{"path":"/x"}}',
        '{"file":{"path":"/x"},"offset":7}',
        '{"offset":-1}',
        '{"level":"info"}',
    ),
]
VALUES = st.sampled_from([*TEXTS, *NUMBERS, *OTHERS]) | st.text(max_size=9).map(json.dumps)
MEMBERS = st.tuples(st.sampled_from(KEYS), VALUES)
OBJECTS = st.lists(MEMBERS, max_size=6).map(
    lambda members: "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
)
# The usual forms, whose members come in any order.
USUAL = {
    "filebeat": {
        "@timestamp": TEXTS[11], "@metadata": '{"beat":"filebeat"}', "message": TEXTS[2], "agent": OTHERS[6],
        "host": OTHERS[7], "log": OTHERS[10], "input": '{"type":"filestream"}', "ecs": '{"version":"8.0.0"}',
    },
    "vector": {"file": '"/x"', "host": '"web-1"', "message": TEXTS[3], "offset": "12", "timestamp": TEXTS[14]},
    "fluent-bit": {"@timestamp": "1782900000.123", "log": '"line\\n"', "kubernetes": '{"pod_name":"shop-1"}'},
    "docker": {"log": '"half"', "stream": '"stdout"', "time": TEXTS[14]},
}  # fmt: skip


@st.composite
def usual_objects(draw: st.DrawFn) -> str:
    members = dict(USUAL[draw(st.sampled_from(sorted(USUAL)))])
    for key in draw(st.lists(st.sampled_from(sorted(members)), max_size=2)):
        members[key] = draw(VALUES)
    members |= dict(draw(st.lists(MEMBERS, max_size=1)))
    return "{" + ",".join(f'"{key}":{members[key]}' for key in draw(st.permutations(sorted(members)))) + "}"


BROKEN = st.tuples(
    usual_objects(), st.integers(0, 400), st.sampled_from(["", '"', "}", "\\", "\x00", ","])
).map(lambda parts: "{" + parts[0][1 : parts[1]] + parts[2] + parts[0][parts[1] :])
RECORDS = (usual_objects() | OBJECTS | BROKEN).map(lambda text: text.encode("utf-8", "replace"))


def read_alone(record: bytes) -> dict[str, Any] | str:
    """What one record says: a line's fields, or why it is none."""
    envelope, extras = open_object(record)
    if envelope is None:
        envelope, extras = open_object(mend_surrogates(record))
    if envelope is None:
        return "broken"
    if not is_envelope(envelope, extras):
        return "no envelope"
    text, time, offset, file, rest = read_line(envelope, extras)
    given_time = None if time is msgspec.UNSET else time
    [created] = to_milliseconds([given_time])
    if created is None and given_time is not None:
        rest = {**rest, "time": msgspec.Raw(msgspec.json.encode(given_time))}
    parts = {name: file if name == "log.file" else getattr(envelope, name) for name in PARTS}
    fields: dict[str, Any] = {}
    for name, raw in (*parts.items(), *rest.items()):
        fields = merge_fields(fields, read_part(name, bytes(raw)))
    line = {"event.original": text, "_created": created, "_partial": is_cut_by_docker(envelope)}
    line["log.offset"] = None if offset is msgspec.UNSET else offset
    return {name: value for name, value in {**fields, **line}.items() if value is not None}


def read_together(records: Sequence[bytes]) -> list[dict[str, Any] | str]:
    read = read_envelopes(records)
    lines: list[dict[str, Any] | str] = ["no envelope"] * len(records)
    for row in read.broken:
        lines[row] = "broken"
    for row, line in zip(read.rows, read.frame.drop("_origin").to_dicts(), strict=True):
        lines[row] = {name: value for name, value in line.items() if value is not None}
    assert list(read.rows) == sorted(read.rows)
    return lines


@given(st.lists(RECORDS, max_size=20))
@settings(deadline=None, max_examples=200)
def test_columns_say_what_each_record_says(records: list[bytes]) -> None:
    assert read_together(records) == [read_alone(record) for record in records]


@pytest.mark.parametrize("forms", [["filebeat"], ["vector"], ["docker", "fluent-bit"], sorted(USUAL)])
def test_many_records_in_ever_other_orders(forms: list[str]) -> None:
    random = Random(5)
    records = []
    for at in range(1300):
        members = list(USUAL[forms[at % len(forms)]].items())
        random.shuffle(members)
        members += [("message", '"twice"')] if at % 97 == 0 else []
        members += [("rare", str(at))] if at % 31 == 0 else []
        text = "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
        records.append((text if at % 89 else text[:-1]).encode())

    assert read_together(records) == [read_alone(record) for record in records]


@pytest.mark.parametrize(
    "mark", ["file", "stream", "agent", "input", "@metadata", "source_type", "kubernetes", "tag"]
)
def test_level_beside_one_mark_of_a_shipper(mark: str) -> None:
    records = [
        f'{{"message":"m","level":"info","{mark}":"x"}}'.encode(),
        b'{"message":"m","level":"info","env":"x"}',
    ]

    assert read_together(records) == [read_alone(record) for record in records]
    assert [isinstance(line, dict) for line in read_together(records)] == [True, False]


def test_same_text_under_other_names_is_not_the_same() -> None:
    records = [
        f'{{"message":"m","{key}":"x"}}'.encode() for key in ("host", "stream", "source_type", "tags") * 20
    ]

    assert read_together(records) == [read_alone(record) for record in records]

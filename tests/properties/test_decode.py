"""Laws of decoding: every record is one line or one refusal, in order, and says the same in every batch."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.decode import Decoded, decode_records

TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "2026-07-01T10:00:00.123Z",
        "2026-07-01T10:00:00.123456789Z stdout F text",
        "2026-07-01T10:00:00+02:00 stderr P te",
        "line\n",
        "line\r\n",
        "/var/log/x.log",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FILES = st.fixed_dictionaries({"path": TEXTS}, optional={"inode": TEXTS, "device_id": TEXTS, "new": VALUES})
LOGS = st.fixed_dictionaries(
    {}, optional={"offset": st.integers(0, 2**64), "file": FILES, "level": TEXTS, "x": VALUES}
)
HOSTS = st.fixed_dictionaries({}, optional={"name": TEXTS, "ip": VALUES, "os": VALUES, "cpu": VALUES}) | TEXTS
KUBERNETES = st.fixed_dictionaries({}, optional={"labels": VALUES, "pod_name": VALUES, "pod": VALUES})
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "@timestamp": TEXTS | VALUES,
    "timestamp": TEXTS | VALUES,
    "time": TEXTS | VALUES,
    "message": TEXTS | VALUES,
    "log": LOGS | TEXTS | VALUES,
    "offset": st.integers(0, 2**64) | VALUES,
    "file": TEXTS | VALUES,
    "host": HOSTS | VALUES,
    "agent": HOSTS | VALUES,
    "event": VALUES,
    "tags": st.lists(TEXTS, max_size=2) | VALUES,
    "fields": VALUES,
    "kubernetes": KUBERNETES | VALUES,
    "stream": TEXTS | VALUES,
    "level": TEXTS,
    "_id": VALUES,
    "process": VALUES,
    "labels": VALUES,
}
ENVELOPES = st.fixed_dictionaries({}, optional=MEMBERS).flatmap(
    lambda known: st.dictionaries(TEXTS, VALUES, max_size=2).map(lambda other: {**other, **known})
)


@st.composite
def cut_somewhere(draw: st.DrawFn, texts: st.SearchStrategy[bytes]) -> bytes:
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from([b"", b"\xff", b"\\ud800", b"}", b'"'])) + text[at:]


ENCODED = st.builds(
    lambda value, ascii: json.dumps(value, ensure_ascii=ascii).encode(), ENVELOPES, st.booleans()
)
RECORDS = st.none() | st.binary(max_size=40) | TEXTS.map(str.encode) | ENCODED | cut_somewhere(ENCODED)
BATCHES = st.lists(RECORDS, max_size=12)


def decode(records: Sequence[bytes | None], first: int = 0) -> Decoded:
    places = range(first, first + len(records))
    return decode_records("logs.raw", 0, places, [1_783_000_000_000 + at for at in places], records)


def to_rows(decoded: Decoded) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if value is not None} for row in decoded.lines.to_dicts()
    ]


@given(BATCHES)
@settings(deadline=None, max_examples=40)
def test_every_record_is_one_line_or_one_refusal_in_order(records: list[bytes | None]) -> None:
    decoded = decode(records)

    expected = [at for at, record in enumerate(records) if record is not None]
    assert decoded.lines["_offset"].to_list() == expected
    assert [dead.offset for dead in decoded.dead] == [
        at for at, record in enumerate(records) if record is None
    ]
    for name in ("event.original", "_id", "_time"):
        assert decoded.lines[name].null_count() == 0


@given(BATCHES, st.data())
@settings(deadline=None, max_examples=40)
def test_cut_of_the_batch_changes_nothing(records: list[bytes | None], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(records)))

    parts = to_rows(decode(records[:at])) + to_rows(decode(records[at:], at))

    assert parts == to_rows(decode(records))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
def test_bytes_of_a_bare_line_are_recoverable(records: list[bytes]) -> None:
    records = [b"x" + record for record in records]

    for record, row in zip(records, to_rows(decode(records)), strict=True):
        if "tailrace.original_base64" in row:
            assert base64.b64decode(row["tailrace.original_base64"]) == record
        else:
            assert row["event.original"].encode() == record.removesuffix(b"\n").removesuffix(
                b"\r" if record.endswith(b"\r\n") else b""
            )

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sinks.bulk_body import build_batch, build_body, cut_chunks

OURS = b'{"@timestamp":"2026-07-01T10:00:00.123Z","event":{"dataset":"x"},"message":"m"}'
NOW = b"2026-07-02T00:00:00.000Z"


def build_lines(keys: list[bytes | None], documents: list[bytes | None]) -> list[bytes]:
    batch = build_batch(keys, documents, 1_000_000)
    return build_body(batch, batch.rows, NOW).splitlines(keepends=True)


def test_a_document_becomes_an_action_and_a_source_line() -> None:
    assert build_lines([b"logs-x-default/1a-2"], [b'{"a":1}']) == [
        b'{"create":{"_index":"logs-x-default","_id":"1a-2"}}\n',
        b'{"a":1}\n',
    ]


def test_the_moment_of_indexing_is_spliced_into_documents_that_start_as_ours_do() -> None:
    (_, source) = build_lines([b"t/i"], [OURS])
    document = json.loads(source)
    assert document["event"] == {"ingested": NOW.decode(), "dataset": "x"}
    assert document["@timestamp"] == "2026-07-01T10:00:00.123Z"


@pytest.mark.parametrize(
    "document",
    [
        b'{"event":{"dataset":"x"},"@timestamp":"2026-07-01T10:00:00.123Z"}',
        b'{"@timestamp":"2026-07-01T10:00:00Z","event":{"a":1}}',
        b'{"@timestamp":"2026-07-01T10:00:00.123Z","message":"\\",\\"event\\":{"}',
        b"{}",
    ],
)
def test_other_documents_go_unchanged(document: bytes) -> None:
    assert build_lines([b"t/i"], [document])[1] == document + b"\n"


@pytest.mark.parametrize(
    ("key", "document", "reason"),
    [
        (b"t/i", None, "empty_record"),
        (b"t/i", b"", "empty_record"),
        (None, b"{}", "invalid_record"),
        (b"", b"{}", "invalid_record"),
        (b"no-slash", b"{}", "invalid_record"),
        (b"t/", b"{}", "invalid_record"),
        (b"/i", b"{}", "invalid_record"),
        (b't/i"}}\n{"delete":{}', b"{}", "invalid_record"),
        (b"t/\xff", b"{}", "invalid_record"),
        (b"t/" + b"i" * 513, b"{}", "invalid_record"),
        (b"t/i", b"x" * 1_000_001, "too_large"),
        (b"t/i", b'{"a":\n', "invalid_record"),
    ],
)
def test_a_record_that_would_break_the_request_is_set_aside_alone(
    key: bytes | None, document: bytes | None, reason: str
) -> None:
    batch = build_batch([b"t/1", key, b"t/2"], [b"{}", document, b"{}"], 1_000_000)
    assert list(batch.rows) == [0, 2]
    assert [(refusal.row, refusal.reason) for refusal in batch.refused] == [(1, reason)]


def test_a_document_over_several_lines_is_joined_and_a_key_may_be_any_text() -> None:
    assert build_lines(["größe/ä/b".encode()], [b'{\n "a": 1\n}'])[1] == b'{"a":1}\n'
    assert build_lines(["größe/ä/b".encode()], [b"{}"])[0].decode() == (
        '{"create":{"_index":"größe","_id":"ä/b"}}\n'
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(st.binary(max_size=12), st.one_of(st.none(), st.dictionaries(TEXTS, TEXTS)))))
def test_every_row_is_sent_as_it_came_or_refused(rows: list[tuple[bytes, dict[str, str] | None]]) -> None:
    keys = [key for key, _ in rows]
    documents = [None if value is None else json.dumps(value).encode() for _, value in rows]
    batch = build_batch(keys, documents, 100)
    assert sorted([*batch.rows, *(refusal.row for refusal in batch.refused)]) == list(range(len(rows)))
    lines = build_body(batch, batch.rows, NOW).split(b"\n")[:-1]
    assert len(lines) == 2 * len(batch.rows)
    for row, action, source in zip(batch.rows, lines[::2], lines[1::2], strict=True):
        create = json.loads(action)["create"]
        assert f"{create['_index']}/{create['_id']}".encode() == keys[row]
        assert json.loads(source) == rows[row][1]


@given(
    st.lists(st.integers(min_value=1, max_value=60)),
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=300),
)
def test_chunks_hold_all_rows_in_order_within_the_limits(sizes: list[int], most: int, bytes_: int) -> None:
    batch = build_batch([b"t/i"] * len(sizes), [b"x" * size for size in sizes], 1_000)
    chunks = list(cut_chunks(batch, most, bytes_))
    assert [row for chunk in chunks for row in chunk] == list(range(len(sizes)))
    for chunk in chunks:
        assert 1 <= len(chunk) <= most
        assert len(chunk) == 1 or len(build_body(batch, chunk, NOW)) <= bytes_


def test_a_batch_without_rows_makes_no_request() -> None:
    assert list(cut_chunks(build_batch([], [], 1), 5, 5)) == []
    with pytest.raises(ValueError, match="1 keys for 0 documents"):
        build_batch([b"t/i"], [], 1)

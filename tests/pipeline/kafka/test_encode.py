"""Record batches made of columns, held against aiokafka's reader and its own builder."""

import os

import polars as pl
import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.encode import cut_batch, encode_records, read_batch, read_record, seal_batch

LARGE = 900_000
CODECS = (None, "gzip", "snappy", "lz4", "zstd")


def make_frame(rows: list[tuple[str, str, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"key": pl.String, "value": pl.String, "time": pl.Int64}, orient="row")


def make_rows(count: int) -> list[tuple[str, str, int]]:
    return [
        (f"key-{at}", f'{{"number":{at}}}' * (at % 5 + 1), 1_782_900_000_000 - at * 7) for at in range(count)
    ]


def read_all(frame: pl.DataFrame, compression: str | None, size: int) -> list[tuple[str, str, int]]:
    return [
        (record.key.decode(), record.value.decode(), record.timestamp)
        for batch in encode_records(frame, compression, size)
        for record in read_batch(batch)
    ]


@pytest.mark.parametrize("compression", CODECS)
def test_what_is_read_again_are_the_rows_in_their_order(compression: str | None) -> None:
    rows = make_rows(2_000)
    assert read_all(make_frame(rows), compression, 20_000) == rows


@given(st.lists(st.tuples(st.text(), st.text(), st.integers(0, 2**52)), max_size=40), st.integers(100, 500))
def test_any_text_and_time_comes_back(rows: list[tuple[str, str, int]], size: int) -> None:
    assert read_all(make_frame(rows), None, size) == rows


def test_a_batch_has_at_most_its_size_unless_one_record_is_larger() -> None:
    rows = [*make_rows(300), ("k", "x" * 5_000, 1), *make_rows(300)]
    batches = encode_records(make_frame(rows), None, 2_000)
    assert sum(batch.count for batch in batches) == len(rows)
    assert [batch.count for batch in batches if len(batch.data) > 2_000] == [1]


def test_no_rows_make_no_batch() -> None:
    assert encode_records(make_frame([]), "zstd", LARGE) == ()


def test_the_broker_reads_a_sealed_batch_as_this_producers() -> None:
    (batch,) = encode_records(make_frame(make_rows(3)), "zstd", LARGE)
    data = seal_batch(batch, 5, 2, 77)
    sealed = MemoryRecords(data).next_batch()
    assert isinstance(sealed, DefaultRecordBatch)
    assert sealed.validate_crc()
    assert (sealed.producer_id, sealed.producer_epoch, sealed.base_sequence) == (5, 2, 77)
    assert len(data) == len(batch.data)
    assert len(list(sealed)) == 3


def test_a_piece_of_a_batch_holds_these_records_alone() -> None:
    rows = make_rows(50)
    (batch,) = encode_records(make_frame(rows), "zstd", LARGE)
    piece = cut_batch(batch, 10, 13, "zstd")
    assert piece.count == 3
    assert [(record.offset, record.value.decode()) for record in read_batch(piece)] == [
        (place, value) for place, (_, value, _) in enumerate(rows[10:13])
    ]


def test_a_piece_that_grows_without_its_neighbours_is_whole() -> None:
    text = os.urandom(40_000).hex()
    (batch,) = encode_records(make_frame([("k", text, 1)] * 8), "zstd", LARGE)
    piece = cut_batch(batch, 1, 3, None)
    assert [record.value.decode() for record in read_batch(piece)] == [text, text]
    assert len(piece.data) > len(batch.data)


def test_a_record_is_found_among_all_batches() -> None:
    rows = make_rows(500)
    batches = encode_records(make_frame(rows), None, 2_000)
    assert len(batches) > 2
    assert [read_record(batches, place).key.decode() for place in (0, 250, 499)] == [
        "key-0",
        "key-250",
        "key-499",
    ]
    with pytest.raises(IndexError):
        read_record(batches, 500)

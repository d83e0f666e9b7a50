"""Record batches made of the rows of a frame, by aiokafka's builder; to be sent, and read again if one is refused."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import zstandard
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

# So many rows are objects at a time, which then stay in the core's cache: all of a group take twice as long.
_PIECE: Final = 512
_ANY_SIZE: Final = 2**31 - 1
_PLAIN: Final = 0
_NO_HEADERS: Final[list[tuple[str, bytes]]] = []
_VERSION: Final = 2
# Where a batch's header has the length of what follows, its checksum, the codec, from where on it is checked, where the
# producer stands (its number, epoch and first sequence number), and where the records begin
# (https://kafka.apache.org/documentation/#recordbatch).
_LENGTH_AT: Final = 8
_CHECKSUM_AT: Final = 17
_CODEC_AT: Final = 21
_CHECKED_FROM: Final = 21
_PRODUCER_AT: Final = 43
_RECORDS_AT: Final = 61
# Documents get no smaller by level 3, which takes a third more of the time.
_ZSTD_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class _Codec:
    """A codec and its number in a batch's header."""

    number: int
    compress: Callable[[memoryview], bytes]


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """A record batch of so many records, compressed, of no producer yet: see `seal_batch`."""

    count: int
    data: bytes


def encode_records(records: pl.DataFrame, compression: str | None, size: int) -> tuple[EncodedBatch, ...]:
    """All rows of a frame, in their order, in batches; none for no rows.

    Args:
        records: `key` and `value` (String), `time` (Int64, epoch ms); nowhere a null.
        compression: gzip, snappy, lz4, zstd, or None. A batch that would not get smaller is left as it is.
        size: so many bytes a batch may have before it is compressed, unless a single record has more.
    """
    batches: list[EncodedBatch] = []
    codec = _open_codec(compression)
    builder, count = _open_builder(size), 0
    for first in range(0, records.height, _PIECE):
        piece = records[first : first + _PIECE]
        keys, values = (piece[name].cast(pl.Binary).to_list() for name in ("key", "value"))
        append = builder.append
        for key, value, time in zip(keys, values, piece["time"].to_list(), strict=True):
            if append(count, time, key, value, _NO_HEADERS) is None:
                batches.append(_close_batch(builder, count, codec))
                builder, count = _open_builder(size), 0
                append = builder.append
                append(count, time, key, value, _NO_HEADERS)
            count += 1
    return (*batches, _close_batch(builder, count, codec)) if count else ()


def read_batch(batch: EncodedBatch) -> Sequence[Any]:
    """The records of a batch: objects with `key`, `value` and `timestamp`."""
    return list(DefaultRecordBatch(batch.data))


def read_record(batches: Sequence[EncodedBatch], index: int) -> Any:
    """The record at this place among those of all batches: see `read_batch`."""
    for batch in batches:
        if index < batch.count:
            return read_batch(batch)[index]
        index -= batch.count
    raise IndexError(f"there is no record {index} behind the last")


def cut_batch(batch: EncodedBatch, start: int, stop: int, compression: str | None) -> EncodedBatch:
    """The records [start, stop) of a batch, at least one, as a batch of their own."""
    builder = _open_builder(_ANY_SIZE)
    for place, record in enumerate(read_batch(batch)[start:stop]):
        builder.append(place, record.timestamp, record.key, record.value, _NO_HEADERS)
    return _close_batch(builder, stop - start, _open_codec(compression))


def seal_batch(batch: EncodedBatch, producer: int, epoch: int, sequence: int) -> bytes:
    """The batch as this producer's, whose records have the sequence numbers from `sequence` on, with its checksum."""
    data = bytearray(batch.data)
    struct.pack_into(">qhi", data, _PRODUCER_AT, producer, epoch, sequence)
    struct.pack_into(">I", data, _CHECKSUM_AT, calc_crc32c(memoryview(data)[_CHECKED_FROM:]))
    return bytes(data)


def _open_builder(size: int) -> Any:
    return DefaultRecordBatchBuilder(
        _VERSION,
        _PLAIN,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=size,
    )


def _open_codec(compression: str | None) -> _Codec | None:
    match compression:
        case "gzip":
            return _Codec(1, gzip_encode)
        case "snappy":
            return _Codec(2, snappy_encode)
        case "lz4":
            return _Codec(3, lambda records: lz4_encode(bytes(records)))
        case "zstd":
            # aiokafka's makes its tables anew for each batch: that costs as much as the work in them.
            return _Codec(4, zstandard.ZstdCompressor(_ZSTD_LEVEL).compress)
    return None


def _close_batch(builder: Any, count: int, codec: _Codec | None) -> EncodedBatch:
    """The records in the builder as a batch. It is compressed here: the builder would copy them three times for it."""
    plain = builder.build()
    if codec is not None:
        records = codec.compress(memoryview(plain)[_RECORDS_AT:])
        if len(records) < len(plain) - _RECORDS_AT:
            header = plain[:_RECORDS_AT]
            struct.pack_into(">i", header, _LENGTH_AT, _RECORDS_AT - _LENGTH_AT - 4 + len(records))
            struct.pack_into(">h", header, _CODEC_AT, codec.number)
            return EncodedBatch(count, bytes(header) + records)
    return EncodedBatch(count, bytes(plain))

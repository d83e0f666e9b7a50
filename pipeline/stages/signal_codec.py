"""Signals as records of the signals topic: split over its partitions, to bytes, and back.

A record is a checksum in eight hexadecimal digits, a blank, a line of JSON (what is known of the raw partition) and,
if there are rows, an Arrow IPC stream of them. Without the checksum a damaged record could end the worker: Polars'
reader aborts the process on some (it asks for petabytes, or panics), so only what a writer of ours meant may reach it.
"""

import zlib
from typing import Final, Literal, TypeAlias

import msgspec
import polars as pl
import polars_hash as plh

from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.watermark import Progress

Compression: TypeAlias = Literal["uncompressed", "lz4", "zstd"]

VERSION: Final = 1


class SignalError(ValueError):
    """A record of the signals topic that cannot be read; the message says why. It belongs with the dead letters."""


class _Header(msgspec.Struct, frozen=True, omit_defaults=True):
    v: int
    partition: int
    partitions: int
    watermark: int | None = None
    idle: bool = False
    rows: int = 0


_HEADER = msgspec.json.Decoder(_Header)


def split_signals(signals: pl.DataFrame, partitions: int) -> list[pl.DataFrame]:
    """The rows for each of `partitions` partitions of the signals topic, by a hash of rule and group.

    All signals of a group meet in one partition, whichever process splits them, on any machine.
    """
    if partitions == 1 or not signals.height:
        return [signals] + [signals.clear()] * (partitions - 1)
    key = plh.concat_str("rule", pl.lit("\0"), "group").nchash.xxh3_64() % partitions
    parts = signals.with_columns(key.alias("_partition")).partition_by(
        "_partition", as_dict=True, include_key=False
    )
    return [parts.get((index,), signals.clear()) for index in range(partitions)]


def encode_signals(
    progress: Progress, signals: pl.DataFrame, compression: Compression = "uncompressed"
) -> bytes:
    """The record for `signals` (SIGNAL_SCHEMA, may be empty) of the raw partition that `progress` speaks of.

    Kafka compresses whole batches; `compression` is for those who send without.
    """
    body = b""
    if signals.height:
        body = signals.select(SIGNAL_SCHEMA.keys()).write_ipc_stream(None, compression=compression).getvalue()
    header = _Header(
        VERSION, progress.partition, progress.partitions, progress.watermark, progress.idle, signals.height
    )
    record = msgspec.json.encode(header) + b"\n" + body
    return b"%08x " % zlib.crc32(record) + record


def decode_signals(value: bytes | None) -> tuple[Progress, pl.DataFrame]:
    """The raw partition's progress and the signals (SIGNAL_SCHEMA) of a record; anything else is a SignalError."""
    if not value:
        raise SignalError("the record is empty")
    record = value[9:]
    if value[:9] != b"%08x " % zlib.crc32(record):
        raise SignalError("the record is damaged, or none of ours: its checksum does not fit")
    line, _, body = record.partition(b"\n")
    try:
        header = _HEADER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SignalError(f"the record's header cannot be read: {error}") from error
    if header.v != VERSION:
        raise SignalError(
            f"the record has version {header.v}, this program reads {VERSION}: update the workers"
        )
    if not 0 <= header.partition < header.partitions:
        raise SignalError(f"the record speaks of raw partition {header.partition} of {header.partitions}")
    progress = Progress(header.partition, header.partitions, header.watermark, header.idle)
    signals = _read_rows(body) if header.rows else pl.DataFrame(schema=SIGNAL_SCHEMA)
    if signals.height != header.rows:
        raise SignalError(f"the record announces {header.rows} signals and holds {signals.height}")
    return progress, signals


def _read_rows(body: bytes) -> pl.DataFrame:
    try:
        signals = pl.read_ipc_stream(body)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise SignalError(f"the record's signals cannot be read: {error}") from error
    if dict(signals.schema) != SIGNAL_SCHEMA or any(column.null_count() for column in signals):
        raise SignalError(f"the record's columns are {dict(signals.schema)}, not those of signals")
    return signals

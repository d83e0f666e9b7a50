"""Raw records to lines: bare text, shippers' envelopes and container forms, recognised record by record."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import polars as pl

from pipeline.stages.cri import is_cri, split_cri
from pipeline.stages.envelope_rows import read_envelopes
from pipeline.stages.envelope_times import to_milliseconds
from pipeline.stages.identity import to_partition_origin, with_identity


class Records(Protocol):
    """Records of one partition in the order of their offsets."""

    @property
    def topic(self) -> str:
        """Where they came from."""

    @property
    def partition(self) -> int:
        """Where they came from."""

    @property
    def offsets(self) -> Sequence[int]:
        """One a record."""

    @property
    def timestamps(self) -> Sequence[int]:
        """Epoch milliseconds, one a record."""

    @property
    def values(self) -> Sequence[bytes | None]:
        """The raw bytes, one a record."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is not a line, for the dead-letter topic. `row` is its place among all records."""

    row: int
    offset: int
    timestamp: int
    value: bytes | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Every record is one row of `lines` or one of `dead`; both keep the records' order.

    `lines` is a line frame: `event.original`, `_id`, `_offset` (Int64, the record's), `_time` (Int64, epoch
    ms: the envelope's time, else the record's), `kafka.topic|partition|offset`, and what the envelopes said.
    """

    lines: pl.DataFrame
    dead: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class _Records:
    topic: str
    partition: int
    offsets: Sequence[int]
    timestamps: Sequence[int]
    values: Sequence[bytes | None]


def decode_records(
    topic: str,
    partition: int,
    offsets: Sequence[int],
    timestamps: Sequence[int],
    values: Sequence[bytes | None],
) -> Decoded:
    """`decode_batches` of the records of one partition."""
    return decode_batches([_Records(topic, partition, offsets, timestamps, values)])


def decode_batches(batches: Sequence[Records]) -> Decoded:
    """One line for every record with a value; one without (a tombstone) is refused as `empty_record`.

    The batches, at least one, may be of several partitions: their lines are one behind the other. Each becomes what it
    becomes alone, but together they cost less, since some 3 ms of a call are for any number of records.

    A value is, in this order:

    - a JSON object with text in `message` (Filebeat, Vector) or `log` (Fluent Bit, Docker): that text is the
      line, the members around it become context columns. An object with a `message`, a level and no shipper's
      mark is an application's own JSON line and stays whole, as does one without either text;
    - anything else as it is; tagged `_envelope_broken` if it begins like a JSON object and is none.

    A line in a container runtime's form (CRI), bare or inside an envelope, is then reduced to its message. A
    piece of a line that the runtime cut (CRI `P`; Docker: no newline at the end) is a line of its own with
    the tag `_partial`: its other pieces may be in other batches, and the cut of a batch must not change a
    document. One line terminator at the end goes. Bytes that are not UTF-8 become U+FFFD;
    `tailrace.original_base64` then holds the raw record and `tags` has `_invalid_utf8`. Never raises on any
    bytes.
    """
    lines = pl.concat([_read_places(batch) for batch in batches])
    values = list(chain.from_iterable(batch.values for batch in batches))
    empty = [row for row, value in enumerate(values) if value is None]
    places = lines.select("_offset", "_time")
    dead = tuple(_refuse(row, *places.row(row)) for row in empty)
    if dead:
        lines = lines.with_row_index("_row").filter(~pl.col("_row").is_in(empty)).drop("_row")
    records = [value for value in values if value is not None]
    lines = _open_envelopes(lines.hstack(_read_text(records)), records)
    lines = _open_cri(_strip_terminators(lines))
    lines = with_identity(_with_origin(lines), offset="_position")
    lines = _with_created(_with_tags(lines))
    return Decoded(
        lines.drop("_position", "_origin", "_source", "_created", "_partial", "_broken", strict=False), dead
    )


def _read_places(batch: Records) -> pl.DataFrame:
    """Where each record is from, and its time."""
    count = len(batch.values)
    offsets = pl.Series("_offset", batch.offsets, dtype=pl.Int64)
    source = to_partition_origin(batch.topic, batch.partition)
    return pl.DataFrame(
        [
            offsets,
            pl.Series("_time", batch.timestamps, dtype=pl.Int64),
            pl.repeat(batch.topic, count, dtype=pl.String, eager=True).alias("kafka.topic"),
            pl.repeat(batch.partition, count, dtype=pl.Int64, eager=True).alias("kafka.partition"),
            pl.repeat(source, count, dtype=pl.String, eager=True).alias("_source"),
            offsets.alias("kafka.offset"),
        ]
    )


def _refuse(row: int, offset: int, timestamp: int) -> Refused:
    return Refused(row, offset, timestamp, None, "empty_record", "the record has no value (a tombstone)")


def _read_text(records: Sequence[bytes]) -> pl.DataFrame:
    """Columns `event.original` and, if any record is not UTF-8, `tailrace.original_base64`."""
    try:
        return pl.Series("event.original", records, dtype=pl.Binary).cast(pl.String).to_frame()
    except pl.exceptions.ComputeError:
        texts = [record.decode("utf-8", "replace") for record in records]
        raw = [
            base64.b64encode(record).decode() if text.encode() != record else None
            for record, text in zip(records, texts, strict=True)
        ]
        schema = {"event.original": pl.String, "tailrace.original_base64": pl.String}
        return pl.DataFrame([texts, raw], schema=schema)


def _open_envelopes(lines: pl.DataFrame, records: Sequence[bytes]) -> pl.DataFrame:
    """Replace envelopes by their texts; add `_created`, `_partial`, `_origin`, `_broken` and the context."""
    texts = lines["event.original"]
    candidates = texts.str.starts_with("{").arg_true()
    if len(candidates) == 0:
        return lines
    if len(candidates) < len(records) or "tailrace.original_base64" in lines.columns:
        records = [text.encode() for text in texts.gather(candidates)]
    read = read_envelopes(records)
    broken = candidates.gather(read.broken)
    broken = broken.filter(texts.gather(broken).str.contains(r'^\{\s*"'))
    lines = lines.with_columns(
        pl.repeat(False, len(lines), eager=True).scatter(broken, True).alias("_broken")
    )
    if read.mended:
        mended = candidates.gather(read.mended)
        raw = pl.Series("raw", [base64.b64encode(text.encode()).decode() for text in texts.gather(mended)])
        known = _column(lines, "tailrace.original_base64", pl.String())
        lines = lines.with_columns(
            pl.coalesce(known, _spread(raw.to_frame(), mended, lines.height)["raw"]).alias(
                "tailrace.original_base64"
            )
        )
    opened = _spread(read.frame, candidates.gather(read.rows), lines.height)
    return lines.with_columns(
        pl.coalesce(opened["event.original"], "event.original"),
        pl.coalesce(opened["_created"], "_time").alias("_time"),
    ).hstack(opened.drop("event.original"))


def _strip_terminators(lines: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("event.original")
    if not lines["event.original"].str.ends_with("\n").any():
        return lines
    stripped = text.str.strip_suffix("\n").str.strip_suffix("\r")
    return lines.with_columns(pl.when(text.str.ends_with("\n")).then(stripped).otherwise(text))


def _open_cri(lines: pl.DataFrame) -> pl.DataFrame:
    rows = is_cri(lines["event.original"]).arg_true()
    if len(rows) == 0:
        return lines
    split = split_cri(lines["event.original"].gather(rows))
    split = _spread(
        split.with_columns(to_milliseconds(split["time"].to_list()).alias("time")), rows, lines.height
    )
    return lines.with_columns(
        pl.coalesce(split["text"], "event.original").alias("event.original"),
        pl.coalesce(split["time"], "_time").alias("_time"),
        pl.coalesce(_column(lines, "_created", pl.Int64()), split["time"]).alias("_created"),
        pl.coalesce(_column(lines, "labels.stream", pl.String()), split["stream"]).alias("labels.stream"),
        pl.coalesce(split["partial"], _column(lines, "_partial", pl.Boolean())).alias("_partial"),
    )


def _with_origin(lines: pl.DataFrame) -> pl.DataFrame:
    """Add `_origin` and `_position`: the shipper's file and offset if it named both, else the partition's."""
    if "_origin" not in lines.columns:
        return lines.with_columns(pl.col("_source").alias("_origin"), pl.col("_offset").alias("_position"))
    knows_place = pl.col("_origin").is_not_null() & pl.col("log.offset").is_not_null()
    return lines.with_columns(
        pl.when(knows_place).then("_origin").otherwise("_source").alias("_origin"),
        pl.when(knows_place).then("log.offset").otherwise("_offset").alias("_position"),
    )


def _with_tags(lines: pl.DataFrame) -> pl.DataFrame:
    conditions = {
        "_invalid_utf8": _column(lines, "tailrace.original_base64", pl.String()).is_not_null(),
        "_envelope_broken": _column(lines, "_broken", pl.Boolean()).fill_null(False),
        "_partial": _column(lines, "_partial", pl.Boolean()).fill_null(False),
    }
    flags = lines.select(condition.alias(tag) for tag, condition in conditions.items())
    present = [tag for tag in conditions if flags[tag].any()]
    if not present:
        return lines
    none = pl.lit([], dtype=pl.List(pl.String))
    tags = [pl.when(flags[tag]).then(pl.lit([tag])).otherwise(none) for tag in present]
    both = pl.concat_list(_column(lines, "tags", pl.List(pl.String())).fill_null(none), *tags)
    return lines.with_columns(pl.when(both.list.len() > 0).then(both).alias("tags"))


def _with_created(lines: pl.DataFrame) -> pl.DataFrame:
    if "_created" not in lines.columns:
        return lines
    return lines.with_columns(
        pl.from_epoch("_created", "ms").dt.replace_time_zone("UTC").alias("event.created")
    )


def _column(lines: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    """The column, or nulls where the batch has none."""
    return pl.col(name) if name in lines.columns else pl.lit(None, dtype=kind)


def _spread(frame: pl.DataFrame, rows: pl.Series, height: int) -> pl.DataFrame:
    """`frame` with its rows at the places `rows` (ascending) of a frame of that height, nulls elsewhere."""
    if len(rows) == height:
        return frame
    at = pl.repeat(None, height, dtype=pl.UInt32, eager=True)
    at = at.scatter(rows, pl.int_range(len(rows), dtype=pl.UInt32, eager=True))
    return frame.select(pl.all().gather(at))

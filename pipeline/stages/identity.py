"""A document's id says where its line came from, so that retries, rebalances and replays collapse."""

import hashlib

import msgspec
import polars as pl
import polars_hash


def to_file_origin(owner: str, identity: str, path: str) -> str:
    """The origin of lines of one file; the line's offset is its byte offset in that file.

    `owner` is whoever read it (`agent.id`, else `host.name`; empty for a local run), `identity` what stays
    when the file is renamed (fingerprint, or device and inode; may be empty).
    """
    return msgspec.json.encode(["file", owner, identity, path]).decode()


def to_partition_origin(topic: str, partition: int) -> str:
    """The origin of records that say nothing of a file; the line's offset is the record's offset."""
    return msgspec.json.encode(["kafka", topic, partition]).decode()


def with_identity(lines: pl.DataFrame, origin: str = "_origin", offset: str = "_offset") -> pl.DataFrame:
    """Add the column `_id`: `<16 hex digits of blake2b(origin)>-<offset, 12 digits>-<xxh3_64 of the text>`.

    `origin` names a String column and `offset` an integer column, neither with nulls; the text is
    `event.original`. The same line of the same origin gets the same id on every machine and in every version.
    The text is part of it because a file that was truncated and written anew holds other lines at the same
    offsets.
    """
    origins = lines[origin].unique().sort().to_list()
    return lines.with_columns(
        pl.concat_str(
            pl.col(origin).replace_strict(origins, [_hash(text) for text in origins], return_dtype=pl.String),
            pl.lit("-"),
            pl.col(offset).cast(pl.String).str.zfill(12),
            pl.lit("-"),
            polars_hash.col("event.original").nchash.xxh3_64().cast(pl.String),
        ).alias("_id")
    )


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

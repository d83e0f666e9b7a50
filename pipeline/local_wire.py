"""Batches of lines on their way to another process. Columns that are the same in all rows are sent once.

A batch has megabytes, and what each copy of it costs can be seen; so its bytes go from the Arrow stream into the pipe,
and from the pipe into the memory that the frame is read from.
"""

import os
import struct
from io import BytesIO
from multiprocessing.connection import Connection
from typing import TypeAlias

import msgspec
import polars as pl

Packed: TypeAlias = tuple[bytes, bytes | bytearray | memoryview]
"""What is said of a batch, and the rows of the columns that differ, as an Arrow stream."""

_SIZES = struct.Struct("<QQ")


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """`constants` by column name; `names` are the frame's columns in order."""

    height: int
    names: list[str]
    constants: dict[str, str | int]


def send_lines(connection: Connection, lines: pl.DataFrame, rows: BytesIO) -> None:
    """Write a batch to a pipe; waits until the other side has read most of it. Raises OSError when that is gone.

    `rows` is where it is laid out, and best the one of the batch before: to grow one costs four times the writing.
    """
    send_packed(connection, pack_lines(lines, rows))


def send_end(connection: Connection) -> None:
    """Tell the other side that there are no more batches."""
    send_packed(connection, (b"", b""))


def send_packed(connection: Connection, packed: Packed) -> None:
    """As `send_lines`."""
    head, rows = packed
    if not hasattr(os, "readv"):
        connection.send_bytes(head)
        connection.send_bytes(rows)
        return
    for data in (_SIZES.pack(len(head), len(rows)), head, rows):
        view = memoryview(data)
        while view:
            view = view[os.write(connection.fileno(), view) :]


def receive_packed(connection: Connection) -> Packed | None:
    """Read what was sent: a batch, or None for the end. Raises EOFError when the other side is gone."""
    if not hasattr(os, "readv"):
        head, rows = connection.recv_bytes(), connection.recv_bytes()
        return (head, rows) if head else None
    sizes = _SIZES.unpack(_read(connection, _SIZES.size))
    parts = _read(connection, sizes[0]), _read(connection, sizes[1])
    return (bytes(parts[0]), parts[1]) if sizes[0] else None


def pack_lines(lines: pl.DataFrame, rows: BytesIO) -> Packed:
    """A frame of lines, as `unpack_lines` reads it; what `rows` held is gone, and it is lent until that is dropped."""
    constants = {column.name: column[0] for column in lines if _is_constant(column)}
    rows.seek(0)
    # Long texts of one buffer cost less to write and to read than views of many.
    lines.drop(constants).write_ipc_stream(rows, compat_level=pl.CompatLevel.oldest())
    rows.truncate()
    return msgspec.msgpack.encode(_Head(lines.height, lines.columns, constants)), rows.getbuffer()


def unpack_lines(packed: Packed) -> pl.DataFrame:
    """The frame that `pack_lines` was given."""
    head = msgspec.msgpack.decode(packed[0], type=_Head)
    columns = {column.name: column for column in pl.read_ipc_stream(bytes(packed[1]))}
    for name, value in head.constants.items():
        kind = pl.Int64 if isinstance(value, int) else pl.String
        columns[name] = pl.repeat(value, head.height, dtype=kind, eager=True).alias(name)
    return pl.DataFrame([columns[name] for name in head.names])


def _is_constant(column: pl.Series) -> bool:
    if column.dtype not in (pl.String, pl.Int64) or not len(column):
        return False
    first = column[0]
    return first is not None and bool((column == first).fill_null(False).all())


def _read(connection: Connection, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = os.readv(connection.fileno(), [view])
        if not count:
            raise EOFError
        view = view[count:]
    return data

import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.sources.blocks import BLOCK_BYTES, MAX_LINE_BYTES, Block, LineCutter
from pipeline.sources.decompress import DecompressionError, decompress, detect_format, is_decided
from pipeline.sources.errors import SourceError
from pipeline.sources.paths import STDIN, to_full_path

PIPE_BYTES = 1024 * 1024
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """Where lines come from. `path` is from the root (`-`: standard input), `time` the file's last change.

    `device` and `inode` are 0 for what is no regular file: a pipe has no place that one could come back to.
    `time` is epoch milliseconds; `size` is the bytes on the disk, 0 where nobody knows them before the end.
    """

    path: str
    device: int
    inode: int
    time: int
    size: int


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An opened input: where it comes from, and its bytes as stored."""

    origin: FileOrigin
    handle: BinaryIO


@contextmanager
def open_file(path: str, now: int) -> Iterator[OpenFile]:
    """Open a file, pipe or `-` for reading. `now` (epoch milliseconds) is the time of inputs that have no own.

    Raises SourceError for what cannot be opened or is a directory.
    """
    try:
        # A FIFO's open waits for its writer, which is what a user of mkfifo wants.
        handle = open(0 if path == STDIN else path, "rb", buffering=0, closefd=path != STDIN)  # noqa: SIM115
    except IsADirectoryError:
        mend = f"name its files, for example {path.rstrip('/')}/*.log"
        raise SourceError(path, f"it is a directory; {mend}") from None
    except OSError as error:
        raise SourceError(path, explain(error)) from error
    with handle:
        yield OpenFile(_to_origin(path, os.fstat(handle.fileno()), now), handle)


def read_blocks(
    file: OpenFile,
    *,
    block_bytes: int = BLOCK_BYTES,
    max_line_bytes: int = MAX_LINE_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[Block | None]:
    """Read an open file to its end as blocks of whole lines, decompressed where its first bytes say so.

    None stands where a pipe's writer pauses: what came before it may be passed on now. `on_bytes` hears of every
    piece read, in bytes as stored. Raises SourceError where reading breaks off, after the lines before that place,
    the last one perhaps not whole.
    """
    cutter = LineCutter(max_line_bytes=max_line_bytes)
    chunks = _gather(_read_content(file, on_bytes), min(block_bytes, max_line_bytes))
    broken: SourceError | None = None
    try:
        for chunk in chunks:
            if chunk is None:
                yield None
            else:
                yield from cutter.feed(chunk)
    except (DecompressionError, OSError) as error:
        reason = explain(error) if isinstance(error, OSError) else str(error)
        broken = SourceError(file.origin.path, reason)
    yield from cutter.finish()
    if broken is not None:
        raise broken


def explain(error: OSError) -> str:
    """Word an operating system's error, with the mend for the common ones."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "permission denied; read it as a user who may, or change its mode"
    return error.strerror or str(error)


def _to_origin(path: str, status: os.stat_result, now: int) -> FileOrigin:
    if not stat.S_ISREG(status.st_mode) or path == STDIN:
        return FileOrigin(to_full_path(path), 0, 0, now, 0)
    modified = status.st_mtime_ns // 1_000_000
    return FileOrigin(to_full_path(path), status.st_dev, status.st_ino, modified, status.st_size)


def _read_content(file: OpenFile, on_bytes: Callable[[int], None] | None) -> Iterator[bytes | None]:
    chunks = _read_stored(file, on_bytes)
    head = b""
    for chunk in chunks:
        head += chunk or b""
        if is_decided(head):
            break
    form = detect_format(head)
    stored = _prepend(head, chunks)
    return decompress(stored, form) if form else stored


def _read_stored(file: OpenFile, on_bytes: Callable[[int], None] | None) -> Iterator[bytes | None]:
    descriptor = file.handle.fileno()
    is_pipe = not stat.S_ISREG(os.fstat(descriptor).st_mode) and sys.platform != "win32"
    while True:
        if is_pipe and not select.select((descriptor,), (), (), PAUSE_SECONDS)[0]:
            yield None
            select.select((descriptor,), (), ())
        # As much of a file as a block has: what is read at once need not be put together.
        chunk = os.read(descriptor, PIPE_BYTES if is_pipe else BLOCK_BYTES)
        if not chunk:
            return
        if on_bytes is not None:
            on_bytes(len(chunk))
        yield chunk


def _prepend(head: bytes, rest: Iterator[bytes | None]) -> Iterator[bytes | None]:
    if head:
        yield head
    yield from rest


def _gather(chunks: Iterator[bytes | None], size: int) -> Iterator[bytes | None]:
    """Join chunks to about `size` bytes; those that are held come out at a pause, and before an error."""
    held: list[bytes] = []
    length = 0
    try:
        for chunk in chunks:
            if chunk is not None:
                held.append(chunk)
                length += len(chunk)
            if held and (chunk is None or length >= size):
                yield b"".join(held)
                held, length = [], 0
            if chunk is None:
                yield None
    except (DecompressionError, OSError):
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)

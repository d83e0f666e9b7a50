"""Follows files as they grow, as `tail -F` does: through rotation by rename, truncation, and files that come later.

A file is known by device and inode, not by its name. When another file has taken its name, it is read to its end first
and let go when it has been quiet for a while. A file that has become shorter, or begins with other bytes than before,
was truncated: it is read from its start. A line counts when its line end is there; only when a file is let go its last
line may lack it. An event that further lines may continue is given after `quiet` seconds without any.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.live import Live
from pipeline.sources.blocks import MAX_LINE_BYTES, LineCutter
from pipeline.sources.decompress import detect_format
from pipeline.sources.encodings import detect_encoding
from pipeline.sources.errors import SourceError
from pipeline.sources.events import EventReader, Joiner
from pipeline.sources.files import explain, open_file, read_blocks
from pipeline.sources.paths import find_matches, to_full_path
from pipeline.sources.positions import (
    FINGERPRINT_BYTES,
    Position,
    Positions,
    find_renamed,
    hash_head,
    is_same_file,
)
from pipeline.stages.identity import to_file_origin

READ_BYTES = 8 * 1024 * 1024
END_OF_FILE = 2**62  # the position in a compressed file that needs no reading (any more)
_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Followed:
    """Events of one file, by its path; `events` None: it was read to its end and has nothing new."""

    path: str
    events: pl.DataFrame | None


@dataclass(slots=True)
class _File:
    path: str
    handle: int
    key: _Key
    generation: int
    head: bytes
    cutter: LineCutter
    reader: EventReader
    at: int
    grown: float
    is_gone: bool = False
    compressed: str = ""


@dataclass(slots=True)
class Follower:
    """The files that are followed. `patterns` are paths and globs; `clock` gives seconds, `now` epoch ms."""

    patterns: tuple[str, ...]
    joiner: Joiner | Live[Joiner]
    clock: Callable[[], float]
    on_error: Callable[[SourceError], None]
    restored: Positions = field(default_factory=Positions)
    max_line_bytes: int = MAX_LINE_BYTES
    quiet: float = 5.0
    _files: dict[_Key, _File] = field(default_factory=dict)
    _known: dict[_Key, Position] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)
    _is_started: bool = False

    def poll(self) -> Iterator[Followed]:
        """Look at all files once, and give what they have; those that others replace come first.

        At most some megabytes of each: what has more is told by `Followed` with events, what has not by None.
        """
        present = self._find_present()
        if not self._is_started:
            self._is_started = True
            self._restore(present)
        for file in self._files.values():
            file.is_gone = file.key not in present
        for key, path in present.items():
            if key not in self._files:
                self._open(path)
        for file in sorted(self._files.values(), key=lambda item: not item.is_gone):
            yield from self._read(file)

    def finish(self) -> Iterator[Followed]:
        """Give the events that wait for further lines, and let all files go. Unfinished lines stay unread."""
        for file in self._files.values():
            events = file.reader.finish()
            if events is not None:
                yield Followed(file.path, events)
            self._known[file.key] = _to_position(file)
            os.close(file.handle)
        self._files.clear()

    def positions(self) -> tuple[Position, ...]:
        """Where each file is read on once all events given so far are safe."""
        return tuple(
            {**self._known, **{key: _to_position(file) for key, file in self._files.items()}}.values()
        )

    def paths(self) -> list[str]:
        """The paths of the files that are followed now."""
        return [file.path for file in self._files.values()]

    def _find_present(self) -> dict[_Key, str]:
        present: dict[_Key, str] = {}
        for pattern in self.patterns:
            paths = [pattern] if Path(pattern).exists() else find_matches(pattern)
            if not paths:
                self._tell(SourceError(pattern, "there is no such file yet; waiting for it"))
            for path in paths:
                try:
                    status = Path(path).stat()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._tell(SourceError(path, explain(error)))
                    continue
                if stat.S_ISREG(status.st_mode):
                    present.setdefault((status.st_dev, status.st_ino), path)
                    self._told.pop(pattern, None)
                else:
                    self._tell(SourceError(path, "it is no regular file; only such files can be followed"))
        return present

    def _tell(self, error: SourceError) -> None:
        if self._told.get(error.path) != error.reason:
            self._told[error.path] = error.reason
            self.on_error(error)

    def _restore(self, present: dict[_Key, str]) -> None:
        """Take up what was followed before, also files that were renamed meanwhile: the rest of them is to be read."""
        self._known = {
            (position.device, position.inode): position
            for position in self.restored.files
            if (position.device, position.inode) in present
        }
        for position, path in find_renamed(self.restored.files, tuple(present)):
            self._known[position.device, position.inode] = position
            self._open(path)

    def _open(self, path: str) -> None:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError as error:
            self._tell(SourceError(path, explain(error)))
            return
        self._told.pop(path, None)
        status = os.fstat(handle)
        key = (status.st_dev, status.st_ino)
        position = self._known.pop(key, None)
        is_compressed = detect_format(os.pread(handle, 10, 0)) is not None
        generation, offset, name = 0, 0, to_full_path(path)
        if position is not None:
            generation, offset = position.generation, position.offset
            if (status.st_size < offset and not is_compressed) or not is_same_file(position, handle):
                generation, offset = generation + 1, 0
            else:
                name = position.path
        file = self._files[key] = self._build(name, handle, key, generation, offset)
        if is_compressed:
            file.compressed = path

    def _build(self, path: str, handle: int, key: _Key, generation: int, offset: int) -> _File:
        head = os.pread(handle, FINGERPRINT_BYTES, 0)
        # After a truncation the same text can stand at the same place again, and is another event.
        identity = f"{key[0]}:{key[1]}" + (f":{generation}" if generation else "")
        origin = to_file_origin("", identity, path)
        return _File(
            path=path,
            handle=handle,
            key=key,
            generation=generation,
            head=head,
            cutter=LineCutter(offset, detect_encoding(head[:4]) if offset else None, self.max_line_bytes),
            reader=EventReader(self.joiner, path, origin, offset),
            at=offset,
            grown=self.clock(),
        )

    def _read(self, file: _File) -> Iterator[Followed]:
        if file.compressed:
            yield from self._read_compressed(file)
            return
        status = os.fstat(file.handle)
        if status.st_size < file.at or (status.st_size > file.at and not _begins_alike(file)):
            yield from _drain(file)
            file = self._files[file.key] = self._build(
                file.path, file.handle, file.key, file.generation + 1, 0
            )
        chunk = os.pread(file.handle, READ_BYTES, file.at)
        if chunk:
            file.at += len(chunk)
            file.grown = self.clock()
            file.head = os.pread(file.handle, min(FINGERPRINT_BYTES, file.at), 0)
            for block in file.cutter.feed(chunk):
                yield Followed(file.path, file.reader.read(block, status.st_mtime_ns // 1_000_000))
            return
        if self.clock() - file.grown >= self.quiet:
            if file.is_gone:
                yield from _drain(file)
                self._close(file)
            elif (events := file.reader.finish()) is not None:
                yield Followed(file.path, events)
        yield Followed(file.path, None)

    def _read_compressed(self, file: _File) -> Iterator[Followed]:
        """Read a compressed file once, as a whole, unless it holds what was followed under another name."""
        size = os.fstat(file.handle).st_size
        if size != file.at:
            file.at, file.grown = size, self.clock()
        if file.reader.next_offset == END_OF_FILE:
            if file.is_gone:
                self._close(file)
        elif self._is_copy(file):
            file.reader.next_offset = END_OF_FILE
        elif self.clock() - file.grown >= self.quiet or file.is_gone:
            # Earlier it could still be written, and would seem to end too early.
            start = file.reader.next_offset
            try:
                with open_file(file.compressed, file.at) as opened:
                    for block in read_blocks(opened, max_line_bytes=self.max_line_bytes):
                        if block is not None:
                            events = file.reader.read(block, opened.origin.time)
                            yield Followed(file.path, events.filter(pl.col("log.offset") >= start))
            except SourceError as error:
                self._tell(error)
            yield from _drain(file)
            file.reader.next_offset = END_OF_FILE
        yield Followed(file.path, None)

    def _is_copy(self, file: _File) -> bool:
        """Say whether a compressed file begins as a followed one: log rotation compresses what was read before."""
        head = _read_head(file.compressed)
        heads = {other.head for other in self._files.values() if not other.compressed}
        hashes = {position.head_hash for position in self._known.values()}
        return len(head) == FINGERPRINT_BYTES and (head in heads or hash_head(head) in hashes)

    def _close(self, file: _File) -> None:
        del self._files[file.key]
        os.close(file.handle)


def _drain(file: _File) -> Iterator[Followed]:
    """Give what is left of a file whose bytes are gone, or which will not grow: its last line may lack its end."""
    time = os.fstat(file.handle).st_mtime_ns // 1_000_000
    for block in file.cutter.finish():
        yield Followed(file.path, file.reader.read(block, time))
    if (events := file.reader.finish()) is not None:
        yield Followed(file.path, events)


def _read_head(path: str) -> bytes:
    head = b""
    try:
        with open_file(path, 0) as file:
            for block in read_blocks(file, block_bytes=FINGERPRINT_BYTES):
                head += block.data if block is not None else b""
                if len(head) >= FINGERPRINT_BYTES:
                    break
    except SourceError:
        # Still being written, or broken: then the reading tells so.
        return b""
    return head[:FINGERPRINT_BYTES]


def _to_position(file: _File) -> Position:
    return Position(
        path=file.path,
        device=file.key[0],
        inode=file.key[1],
        head_bytes=len(file.head),
        head_hash=hash_head(file.head),
        offset=file.reader.next_offset,
        generation=file.generation,
    )


def _begins_alike(file: _File) -> bool:
    return os.pread(file.handle, len(file.head), 0) == file.head

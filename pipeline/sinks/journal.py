"""Signals of a followed run, kept until their windows are closed: what the signals topic is for the agents.

Windows live in memory. After a restart the signals whose windows were open are fed again from here, so that a burst has
the same count as without the restart.

    <store>/follow/<offset of the first record>.signals      one file a flush
    <store>/follow/bursts.json                               what is settled: the offset to go on from, the state's text
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import polars as pl

from pipeline.sinks.segments import write_atomically
from pipeline.stages.signal_codec import SignalError, decode_signals, encode_signals
from pipeline.stages.watermark import Progress
from pipeline.stages.window import Commit

FOLDER = "follow"


class _Settled(msgspec.Struct, frozen=True):
    offset: int = 0
    metadata: str = ""


class JournalError(Exception):
    """The journal cannot be read. `str()` names the file and the mend."""


class SignalJournal:
    """The journal in a store. A class, since the records of the next flush gather in it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._folder = store / FOLDER
        self._pending: list[tuple[int, bytes]] = []
        self._next = 0

    def load(self) -> tuple[str, Iterator[tuple[int, Progress, pl.DataFrame]]]:
        """The state's text for `BurstState`, and the records to feed it. Raises JournalError for damaged files."""
        path = self._folder / "bursts.json"
        try:
            settled = msgspec.json.decode(path.read_bytes(), type=_Settled)
        except FileNotFoundError:
            settled = _Settled()
        except msgspec.DecodeError as error:
            raise self._damaged(path, error) from error
        self._next = settled.offset
        return settled.metadata, self._read_from(settled.offset)

    def add(self, progress: Progress, signals: pl.DataFrame) -> int:
        """Take a record; gives its offset. It is safe after the next `flush`."""
        offset = self._next
        self._next += 1
        self._pending.append((offset, encode_signals(progress, signals, "lz4")))
        return offset

    def skip(self) -> int:
        """Take an offset for a record without signals, which need not be kept."""
        self._next += 1
        return self._next - 1

    def flush(self) -> None:
        """Write the records that were added. Raises StoreError."""
        if self._pending:
            path = self._folder / f"{self._pending[0][0]:016d}.signals"
            write_atomically(path, msgspec.msgpack.encode(self._pending), self.store)
            self._pending = []

    def settle(self, commit: Commit) -> None:
        """The bursts of all windows before the commit's offset are safe: go on from there next time."""
        text = msgspec.json.encode(_Settled(commit.offset, commit.metadata))
        write_atomically(self._folder / "bursts.json", text, self.store)
        paths = self._list()
        # A file is done with when the next one begins at or before the offset.
        for path, following in pairwise(paths):
            if _to_offset(following) <= commit.offset:
                path.unlink(missing_ok=True)

    def _read_from(self, offset: int) -> Iterator[tuple[int, Progress, pl.DataFrame]]:
        for path in self._list():
            try:
                records = msgspec.msgpack.decode(path.read_bytes(), type=list[tuple[int, bytes]])
                for number, value in records:
                    self._next = max(self._next, number + 1)
                    if number >= offset:
                        yield number, *decode_signals(value)
            except (msgspec.DecodeError, SignalError) as error:
                raise self._damaged(path, error) from error

    def _list(self) -> list[Path]:
        return sorted(self._folder.glob("*.signals"))

    def _damaged(self, path: Path, error: Exception) -> JournalError:
        mend = f"remove the folder {self._folder} to count bursts afresh and read the files from their start"
        return JournalError(f"cannot read {path}: {error}; {mend}")


def _to_offset(path: Path) -> int:
    return int(path.name.partition(".")[0])

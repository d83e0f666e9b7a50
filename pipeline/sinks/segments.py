"""The files of the local store: names, listing, and writing so that a file is there whole or not at all.

    <store>/events/dataset=nginx.access/<first>_<last>_<hash>.parquet     first and last @timestamp, epoch ms
    <store>/bursts/<first>_<last>_<hash>.parquet                          window starts

The name's hash covers the `_id`s, so that the same events written again replace the file. Columns are typed,
have flat dotted ECS names, and may differ between segments; rows are sorted by time.
"""

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote

import polars as pl

EVENTS = "events"
BURSTS = "bursts"
_DATASET = "dataset="
_SUFFIX = ".parquet"


class StoreError(Exception):
    """The store cannot be written or read. `str()` names the place, the reason and the mend."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of the store. `first` and `last` are epoch ms; `written` orders segments by age (ns)."""

    path: Path
    dataset: str
    first: int
    last: int
    written: int


def list_segments(store: Path, kind: str = EVENTS) -> list[Segment]:
    """All segments of a kind, oldest times first. A store that is not there yet has none."""
    segments: list[Segment] = []
    for path in (store / kind).glob(f"{_DATASET}*/*{_SUFFIX}" if kind == EVENTS else f"*{_SUFFIX}"):
        first, _, rest = path.name.removesuffix(_SUFFIX).partition("_")
        last, _, digest = rest.partition("_")
        try:
            span = int(first), int(last)
            written = path.stat().st_mtime_ns
        except (ValueError, FileNotFoundError):
            # Not a file of ours, or one that was merged away since the listing.
            continue
        if digest:
            dataset = unquote(path.parent.name.removeprefix(_DATASET)) if kind == EVENTS else ""
            segments.append(Segment(path, dataset, *span, written))
    return sorted(segments, key=lambda segment: (segment.first, segment.last, segment.path.name))


def write_segment(
    store: Path, kind: str, dataset: str, frame: pl.DataFrame, digest: str, metadata: dict[str, str]
) -> Segment:
    """Write a frame with `_id` and `@timestamp` as one segment; it is on the disk when this returns.

    `digest` is what `hash_ids` gives for its `_id`s. Raises StoreError when the disk is full, may not be written, or a
    column holds what Parquet cannot; no part of the segment is left then.
    """
    if not frame["@timestamp"].is_sorted():
        frame = frame.sort("@timestamp", maintain_order=True)
    first, last = frame["@timestamp"].dt.epoch("ms").gather([0, -1]).to_list()
    folder = store / kind / f"{_DATASET}{quote(dataset, safe=' @+')}" if kind == EVENTS else store / kind
    path = folder / f"{first}_{last}_{digest}{_SUFFIX}"
    content = BytesIO()
    try:
        # A search chooses by the span of times, which the name tells: every column's bounds would cost 0.09 us a row.
        frame.write_parquet(
            content, compression="zstd", compression_level=1, statistics=False, metadata=metadata
        )
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise StoreError(
            f"cannot write events of {dataset} to {store}: {error}; a stage of yours may have made that column"
        ) from error
    write_atomically(path, content.getbuffer(), store)
    return Segment(path, dataset, first, last, path.stat().st_mtime_ns)


def write_atomically(path: Path, content: bytes | memoryview, store: Path) -> None:
    """Write a file that is there whole or not at all, also after a power cut. Raises StoreError, see above."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        mend = "make room there, or name another with --store"
        raise StoreError(f"cannot write to the store {store}: {error.strerror or error}; {mend}") from error


@contextlib.contextmanager
def lock_store(store: Path) -> Iterator[None]:
    """Keep other processes from merging or replacing segments meanwhile; readers need no lock."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    try:
        store.mkdir(parents=True, exist_ok=True)
        file = (store / ".lock").open("wb")
    except OSError as error:
        raise StoreError(
            f"cannot write to the store {store}: {error.strerror or error}; name another with --store"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

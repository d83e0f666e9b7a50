from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec
import polars as pl

from parsers.frames import ParsedBatch
from pipeline.sinks.segments import BURSTS, EVENTS, Segment, list_segments, lock_store, write_segment

SEGMENT_ROWS = 100_000
SEGMENT_BYTES = 64 * 1024 * 1024
HELD_BYTES = 256 * 1024 * 1024
MERGE_SEGMENTS = 16
_SPANS_KEY = "tailrace.offsets"

Spans: TypeAlias = dict[str, tuple[int, int]]
"""By origin (the first part of an `_id`) the lowest and the highest offset (its second part)."""


@dataclass(slots=True)
class _Buffer:
    frames: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0


class StoreWriter:
    """Writes events and bursts to a local store, whose form is told in `segments.py`.

    Events are held for each dataset until a segment is worth writing, at the latest until `flush`. An event that an
    earlier run stored under the same `_id` is replaced: reading a file again, also with other rules, leaves each of its
    events once. Not for use by several threads; several processes may write to one store.
    """

    def __init__(
        self,
        store: Path,
        *,
        segment_rows: int = SEGMENT_ROWS,
        segment_bytes: int = SEGMENT_BYTES,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        self.store = store
        self._segment_rows = segment_rows
        self._segment_bytes = segment_bytes
        self._held_bytes = held_bytes
        self._buffers: dict[str, _Buffer] = {}
        self._earlier: dict[Path, tuple[Segment, Spans]] | None = None
        self._small: dict[tuple[str, int], list[Segment]] = {}

    @property
    def held_rows(self) -> int:
        """Events that are not on the disk yet."""
        return sum(buffer.rows for buffer in self._buffers.values())

    def add(self, batch: ParsedBatch) -> None:
        """Take the events of a batch (with `_id`). Raises StoreError when a full segment cannot be written."""
        for block in batch.blocks:
            for dataset, frame in _split_datasets(block.frame):
                buffer = self._buffers.setdefault(dataset, _Buffer())
                frame = frame.select(
                    name for name in frame.columns if not name.startswith("_") or name == "_id"
                )
                buffer.frames.append(frame)
                buffer.rows += frame.height
                buffer.bytes += int(frame.estimated_size())
                if buffer.rows >= self._segment_rows or buffer.bytes >= self._segment_bytes:
                    self._write(dataset)
        while sum(buffer.bytes for buffer in self._buffers.values()) > self._held_bytes:
            self._write(max(self._buffers, key=lambda name: self._buffers[name].bytes))

    def add_bursts(self, bursts: pl.DataFrame) -> None:
        """Write bursts at once: any columns, with `_id` and `window_start` (epoch ms)."""
        if bursts.height:
            time = (
                pl.from_epoch("window_start", time_unit="ms").dt.replace_time_zone("UTC").alias("@timestamp")
            )
            write_segment(self.store, BURSTS, "", bursts.with_columns(time), {})

    def flush(self) -> None:
        """Write all that is held. Afterwards every event that was added is on the disk, or StoreError was raised."""
        for dataset in list(self._buffers):
            self._write(dataset)

    def merge_small(self) -> None:
        """Merge segments that frequent flushes have left small; each event is rewritten a few times at most."""
        for (dataset, tier), segments in list(self._small.items()):
            if len(segments) < MERGE_SEGMENTS:
                continue
            del self._small[dataset, tier]
            with lock_store(self.store):
                present = [segment.path for segment in segments if segment.path.exists()]
                if not present:
                    continue
                frame = concat_frames(pl.read_parquet(path, hive_partitioning=False) for path in present)
                merged = self._put(dataset, frame.unique("_id", keep="last", maintain_order=True))
                for path in present:
                    if path != merged.path:
                        path.unlink(missing_ok=True)

    def _write(self, dataset: str) -> None:
        frames = self._buffers[dataset].frames
        frame = concat_frames(frames).unique("_id", keep="last", maintain_order=True)
        with lock_store(self.store):
            if self._earlier is None:
                self._earlier = {
                    segment.path: (segment, _read_spans(segment)) for segment in list_segments(self.store)
                }
            segment = self._put(dataset, frame)
            self._earlier.pop(segment.path, None)
            self._remove_from_earlier(frame["_id"])
        # Only now: after a failed write the events are still held, and the next flush tries again.
        del self._buffers[dataset]

    def _put(self, dataset: str, frame: pl.DataFrame) -> Segment:
        spans = msgspec.json.encode(_find_spans(frame["_id"])).decode()
        segment = write_segment(self.store, EVENTS, dataset, frame, {_SPANS_KEY: spans})
        if frame.height * 2 < self._segment_rows:
            tier = (frame.height.bit_length() - 1) // (MERGE_SEGMENTS.bit_length() - 1)
            self._small.setdefault((dataset, tier), []).append(segment)
        return segment

    def _remove_from_earlier(self, ids: pl.Series) -> None:
        """Take events that have just been stored again out of the segments of earlier runs."""
        spans = _find_spans(ids)
        earlier = self._earlier or {}
        for path, (segment, covered) in list(earlier.items()):
            if not _overlap(spans, covered):
                continue
            try:
                known = pl.read_parquet(path, columns=["_id"], hive_partitioning=False)["_id"]
                kept = ~known.is_in(ids.implode())
                if kept.all():
                    continue
                frame = pl.read_parquet(path, hive_partitioning=False).filter(kept)
            except FileNotFoundError:
                del earlier[path]  # another process has merged it meanwhile
                continue
            del earlier[path]
            if frame.height:
                left = self._put(segment.dataset, frame)
                earlier[left.path] = (left, _find_spans(frame["_id"]))
            path.unlink(missing_ok=True)


def concat_frames(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Put frames one below the other. A column whose types have no common one becomes text, lists as JSON text."""
    held = list(frames)
    if len(held) == 1:
        return held[0]
    try:
        return pl.concat(held, how="diagonal_relaxed")
    except pl.exceptions.PolarsError:
        kinds: dict[str, set[pl.DataType]] = {}
        for frame in held:
            for name, kind in frame.schema.items():
                kinds.setdefault(name, set()).add(kind)
        mixed = {name for name, found in kinds.items() if len(found) > 1}
        return pl.concat(
            [frame.with_columns(_to_texts(frame, mixed)) for frame in held], how="diagonal_relaxed"
        )


def _to_texts(frame: pl.DataFrame, names: set[str]) -> Iterator[pl.Series]:
    for name in names & set(frame.columns):
        column = frame[name]
        if column.dtype.is_nested():
            # Struct fields are the only nested values that Polars writes as JSON, so the column is wrapped in one.
            wrapped = (
                column.to_frame("v").to_struct().struct.json_encode().str.strip_prefix('{"v":').str.head(-1)
            )
            column = wrapped.set(column.is_null(), None)
        yield column.cast(pl.String).alias(name)


def _split_datasets(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    datasets = frame["event.dataset"].fill_null("generic")
    if datasets.n_unique() == 1:
        yield datasets[0], frame
        return
    for dataset in datasets.unique(maintain_order=True):
        yield dataset, frame.filter(datasets == dataset)


def _find_spans(ids: pl.Series) -> Spans:
    spans = (
        pl.DataFrame({"id": ids})
        .select(
            pl.col("id").str.extract("^([^-]*)-").alias("origin"),
            pl.col("id").str.extract(r"^[^-]*-(\d+)").cast(pl.Int64, strict=False).alias("offset"),
        )
        .drop_nulls()
        .group_by("origin")
        .agg(pl.col("offset").min().alias("low"), pl.col("offset").max().alias("high"))
    )
    return {origin: (low, high) for origin, low, high in spans.iter_rows()}


def _read_spans(segment: Segment) -> Spans:
    try:
        text = pl.read_parquet_metadata(segment.path).get(_SPANS_KEY, "{}")
    except FileNotFoundError:
        return {}
    return msgspec.json.decode(text, type=Spans)


def _overlap(first: Spans, second: Spans) -> bool:
    small, large = (first, second) if len(first) <= len(second) else (second, first)
    return any(
        low <= large[origin][1] and high >= large[origin][0]
        for origin, (low, high) in small.items()
        if origin in large
    )

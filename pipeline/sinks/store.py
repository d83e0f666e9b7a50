from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec
import polars as pl

from parsers.frames import ParsedBatch
from pipeline.sinks.grams import GRAMS_KEY, build_grams
from pipeline.sinks.ids import Spans, drop_repeated, find_spans, hash_ids
from pipeline.sinks.segments import BURSTS, EVENTS, Segment, list_segments, lock_store, write_segment
from pipeline.sinks.texts import INSIDE, MESSAGE_KEY, is_message_inside

SEGMENT_ROWS = 100_000
SEGMENT_BYTES = 64 * 1024 * 1024
HELD_BYTES = 160 * 1024 * 1024
MERGE_SEGMENTS = 16
_SPANS_KEY = "tailrace.offsets"
# What all rules' blocks of a batch have cut out of the same memory.
_BATCH_TEXTS = ("event.original", "_id")


Fresh: TypeAlias = tuple[Segment, Spans]
"""A segment that was just written, and where its events are from."""


@dataclass(slots=True)
class _Buffer:
    frames: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0


class StoreWriter:
    """Writes events and bursts to a local store, whose form is told in `segments.py`.

    Events are held for each dataset until a segment is worth writing, at the latest until `flush`. An event that an
    earlier run stored under the same `_id` is replaced: reading a file again, also with other rules, leaves each of its
    events once. `earlier` are the segments that may hold such events; None: those of the store when the first segment
    is written. Not for use by several threads; several processes may write to one store.
    """

    def __init__(
        self,
        store: Path,
        *,
        segment_rows: int = SEGMENT_ROWS,
        segment_bytes: int = SEGMENT_BYTES,
        held_bytes: int = HELD_BYTES,
        earlier: Iterable[Segment] | None = None,
    ) -> None:
        self.store = store
        self._segment_rows = segment_rows
        self._segment_bytes = segment_bytes
        self._held_bytes = held_bytes
        self._buffers: dict[str, _Buffer] = {}
        self._earlier = None if earlier is None else _read_all_spans(earlier)
        self._fresh: list[Fresh] = []
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
                buffer.frames.append(frame if frame.height == batch.height else _detach(frame))
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
            write_segment(self.store, BURSTS, "", bursts.with_columns(time), hash_ids(bursts["_id"]), {})

    @property
    def fresh(self) -> tuple[Fresh, ...]:
        """The segments whose events have not been taken out of earlier ones."""
        return tuple(self._fresh)

    def flush(self, others: Iterable[Fresh] = ()) -> None:
        """Write all that is held. Afterwards every event that was added is on the disk, or StoreError was raised.

        `others` are segments that other writers made of the same input; what they hold is replaced as well.
        """
        self._fresh.extend(others)
        self.write_held()
        if self._fresh:
            with lock_store(self.store):
                self._remove_from_earlier()
            self._fresh.clear()

    def write_held(self) -> None:
        """Write all that is held, and leave what it replaces to `flush`. Raises StoreError."""
        for dataset in list(self._buffers):
            self._write(dataset)

    def note_earlier(self) -> None:
        """Take what is in the store now for the work of earlier runs, unless that was done before."""
        if self._earlier is None:
            with lock_store(self.store):
                self._earlier = _read_all_spans(list_segments(self.store))

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
                merged, _ = self._put(dataset, frame)
                for path in present:
                    if path != merged.path:
                        path.unlink(missing_ok=True)

    def _write(self, dataset: str) -> None:
        self.note_earlier()
        frame = concat_frames(self._buffers[dataset].frames)
        self._fresh.append(self._put(dataset, frame))
        # Only now: after a failed write the events are still held, and the next flush tries again.
        del self._buffers[dataset]

    def _put(self, dataset: str, frame: pl.DataFrame) -> Fresh:
        frame, digest = drop_repeated(frame)
        spans = find_spans(frame["_id"])
        metadata = {_SPANS_KEY: msgspec.json.encode(spans).decode()}
        texts = ["event.original", "message"]
        if is_message_inside(frame):
            metadata[MESSAGE_KEY] = INSIDE
            texts = texts[:1]
        grams = build_grams(frame[name] for name in texts if name in frame.columns)
        if grams is not None:
            metadata[GRAMS_KEY] = grams
        segment = write_segment(self.store, EVENTS, dataset, frame, digest, metadata)
        if frame.height * 2 < self._segment_rows:
            tier = (frame.height.bit_length() - 1) // (MERGE_SEGMENTS.bit_length() - 1)
            self._small.setdefault((dataset, tier), []).append(segment)
        return segment, spans

    def _remove_from_earlier(self) -> None:
        """Take events that have just been stored again out of the segments of earlier runs."""
        earlier = self._earlier or {}
        for segment, _ in self._fresh:
            earlier.pop(segment.path, None)
        for path, (segment, covered) in list(earlier.items()):
            fresh = [new.path for new, spans in self._fresh if _overlap(spans, covered)]
            if not fresh:
                continue
            try:
                ids = _read_ids(path)
                kept = ids.is_in(_read_ids(*fresh).implode()).not_()
                if kept.all():
                    continue
                frame = pl.read_parquet(path, hive_partitioning=False).filter(kept)
            except FileNotFoundError:
                del earlier[path]  # another process has merged it meanwhile
                continue
            del earlier[path]
            if frame.height:
                left, spans = self._put(segment.dataset, frame)
                earlier[left.path] = (left, spans)
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


def _detach(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its longest texts in memory of their own: as parts of a batch they would keep all of it."""
    texts = [name for name in _BATCH_TEXTS if frame.schema.get(name) == pl.String]
    return frame.with_columns(pl.format("{}", pl.col(name)).alias(name) for name in texts)


def _split_datasets(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    datasets = frame["event.dataset"].fill_null("generic")
    if datasets.n_unique() == 1:
        yield datasets[0], frame
        return
    for dataset in datasets.unique(maintain_order=True):
        yield dataset, frame.filter(datasets == dataset)


def _read_ids(*paths: Path) -> pl.Series:
    return pl.concat(pl.read_parquet(path, columns=["_id"], hive_partitioning=False)["_id"] for path in paths)


def _read_all_spans(segments: Iterable[Segment]) -> dict[Path, Fresh]:
    return {segment.path: (segment, _read_spans(segment)) for segment in segments}


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

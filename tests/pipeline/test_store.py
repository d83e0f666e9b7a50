import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from parsers.frames import Block, ParsedBatch
from pipeline.sinks.segments import StoreError, list_segments, write_atomically
from pipeline.sinks.store import StoreWriter, concat_frames


def to_id(number: int, origin: str = "00000000000000aa") -> str:
    return f"{origin}-{number:012}-{number * 7}"


def to_frame(numbers: list[int], dataset: str = "app.log", **columns: pl.Expr) -> pl.DataFrame:
    times = pl.Series([datetime.fromtimestamp(1000 - number, UTC) for number in numbers])
    frame = pl.DataFrame(
        {
            "_row": pl.Series(range(len(numbers)), dtype=pl.UInt32),
            "_id": [to_id(number) for number in numbers],
            "@timestamp": times.cast(pl.Datetime("ms", "UTC")),
            "event.dataset": [dataset] * len(numbers),
            "message": [f"message {number}" for number in numbers],
        }
    )
    return frame.with_columns(**columns)


def to_batch(*frames: pl.DataFrame) -> ParsedBatch:
    blocks = tuple(Block("rule", frame["event.dataset"][0], frame) for frame in frames)
    return ParsedBatch(blocks, sum(frame.height for frame in frames))


def read_all(store: Path) -> pl.DataFrame:
    frames = [pl.read_parquet(segment.path, hive_partitioning=False) for segment in list_segments(store)]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def ids(store: Path) -> list[str]:
    return sorted(read_all(store)["_id"])


def write(store: Path, *frames: pl.DataFrame) -> None:
    writer = StoreWriter(store)
    writer.add(to_batch(*frames))
    writer.flush()


def test_events_are_kept_by_dataset_sorted_by_time_without_helper_columns(tmp_path: Path) -> None:
    write(tmp_path, to_frame([1, 2, 3]), to_frame([4], "other/log"))

    first, second = list_segments(tmp_path)
    frame = pl.read_parquet(second.path, hive_partitioning=False)

    assert (second.dataset, first.dataset) == ("app.log", "other/log")
    assert second.path.parent == tmp_path / "events" / "dataset=app.log"
    assert (second.first, second.last) == (997_000, 999_000)
    assert frame.columns == ["_id", "@timestamp", "event.dataset", "message"]
    assert frame["message"].to_list() == ["message 3", "message 2", "message 1"]


def test_any_parquet_reader_can_read_the_folder(tmp_path: Path) -> None:
    write(tmp_path, to_frame([1, 2]), to_frame([3], "other"))

    frame = pl.scan_parquet(tmp_path / "events", missing_columns="insert").collect()

    assert sorted(frame["dataset"].unique()) == ["app.log", "other"]


def test_reading_a_file_again_leaves_each_event_once(tmp_path: Path) -> None:
    write(tmp_path, to_frame([1, 2, 3]))
    write(tmp_path, to_frame([1, 2, 3]))
    write(tmp_path, to_frame([1, 2, 3, 4]))

    assert ids(tmp_path) == [to_id(number) for number in (1, 2, 3, 4)]


def test_reading_again_with_other_rules_replaces_the_events(tmp_path: Path) -> None:
    write(tmp_path, to_frame([1, 2, 3], "generic"))
    write(tmp_path, to_frame([2], "nginx.access"), to_frame([1], "generic", message=pl.lit("new")))

    frame = read_all(tmp_path).sort("_id")

    assert frame["_id"].to_list() == [to_id(1), to_id(2), to_id(3)]
    assert frame["event.dataset"].to_list() == ["generic", "nginx.access", "generic"]
    assert frame["message"].to_list() == ["new", "message 2", "message 3"]


def test_a_full_buffer_becomes_a_segment(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, segment_rows=3)
    writer.add(to_batch(to_frame([1, 2])))

    assert list_segments(tmp_path) == []
    assert writer.held_rows == 2
    writer.add(to_batch(to_frame([3, 4])))
    assert len(list_segments(tmp_path)) == 1
    assert writer.held_rows == 0


def test_many_datasets_do_not_hold_more_than_the_limit(tmp_path: Path) -> None:
    frames = [to_frame(list(range(number, number + 100)), f"set.{number}") for number in range(0, 1000, 100)]
    writer = StoreWriter(tmp_path, held_bytes=3 * int(frames[0].estimated_size()))

    for frame in frames:
        writer.add(to_batch(frame))

    assert writer.held_rows <= 300
    writer.flush()
    assert len(ids(tmp_path)) == 1000


def test_small_segments_are_merged(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, segment_rows=1000)
    for number in range(40):
        writer.add(to_batch(to_frame([number])))
        writer.flush()
        writer.merge_small()

    assert len(list_segments(tmp_path)) == 2 + 8
    assert ids(tmp_path) == sorted(to_id(number) for number in range(40))


def test_columns_without_a_common_type_become_text(tmp_path: Path) -> None:
    write(
        tmp_path,
        to_frame([1], value=pl.lit(1)),
        to_frame([2], value=pl.lit("two")),
        to_frame([3], value=pl.concat_list(pl.lit("a"), pl.lit('b"'))),
        to_frame([4]),
    )

    frame = read_all(tmp_path).sort("_id")

    assert frame["value"].to_list() == ["1", "two", '["a","b\\""]', None]


def test_numbers_of_two_kinds_stay_numbers() -> None:
    frame = concat_frames([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1.5], "b": ["x"]})])

    assert frame.schema == {"a": pl.Float64, "b": pl.String}


def test_bursts_have_their_folder(tmp_path: Path) -> None:
    bursts = pl.DataFrame({"_id": ["x-60000"], "window_start": [60_000], "count": [5], "document": ["{}"]})
    writer = StoreWriter(tmp_path)
    writer.add_bursts(bursts)
    writer.add_bursts(bursts)
    writer.add_bursts(bursts.clear())

    (segment,) = list_segments(tmp_path, "bursts")

    assert (segment.first, segment.last) == (60_000, 60_000)
    assert pl.read_parquet(segment.path)["count"].to_list() == [5]


def test_files_of_others_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, to_frame([1]))
    folder = list_segments(tmp_path)[0].path.parent
    (folder / "notes.parquet").touch()
    (folder / ".1_2_x.parquet.ab.tmp").touch()

    assert len(list_segments(tmp_path)) == 1
    assert list_segments(tmp_path / "none") == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tests.pipeline.test_store import to_batch, to_frame
from pipeline.sinks.segments import StoreError
from pipeline.sinks.store import StoreWriter
writer = StoreWriter(Path(sys.argv[1]))
writer.add(to_batch(to_frame(list(range(1000)))))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
try:
    writer.flush()
except StoreError as error:
    print(error)
print(writer.held_rows, [path.name for path in Path(sys.argv[1]).rglob("*") if path.is_file()])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
writer.flush()
print(writer.held_rows)
"""


def test_a_write_that_breaks_off_leaves_no_part_and_loses_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False
    )

    message, state, after = run.stdout.splitlines()

    assert message.startswith(
        f"cannot write to the store {tmp_path}: File too large; make room there, or name another"
    )
    assert state == "1000 ['.lock']"
    assert after == "0"
    assert len(ids(tmp_path)) == 1000


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=f"cannot write to the store {tmp_path}/file"):
        write(tmp_path / "file", to_frame([1]))
    with pytest.raises(StoreError, match="Not a directory"):
        write_atomically(tmp_path / "file" / "deep" / "x", b"", tmp_path / "file")


def read_resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_a_rare_dataset_does_not_keep_the_texts_of_others(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, segment_rows=999)
    before = read_resident_bytes()
    count, size = 40, 4_000_000
    for number in range(count):
        text = f"{number:04}" * (size // 4_000)
        lines = pl.Series(["\n".join([text] * 1_000)]).str.split("\n").explode()
        frame = pl.DataFrame({"event.original": lines}).with_columns(
            pl.Series("_row", range(1_000), dtype=pl.UInt32),
            pl.Series("_id", [f"{number:016x}-{row:012}-1" for row in range(1_000)]),
            pl.lit(datetime(2026, 7, 1, tzinfo=UTC)).dt.cast_time_unit("ms").alias("@timestamp"),
        )
        parts = (("usual", frame[:-1]), ("rare", frame[-1:]))
        blocks = (
            Block("r", name, part.with_columns(pl.lit(name).alias("event.dataset"))) for name, part in parts
        )
        writer.add(ParsedBatch(tuple(blocks), frame.height))

    assert writer.held_rows == count
    assert read_resident_bytes() - before < count * size / 2

import bz2
import gzip
import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard

from pipeline.sources.errors import SourceError
from pipeline.sources.files import FileOrigin, open_file, read_blocks
from pipeline.sources.lines import read_lines
from pipeline.sources.paths import expand_paths, to_full_path

COMPRESSORS = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
LINES = b"".join(b"line %d\n" % number for number in range(5000))


def read(path: Path, block_bytes: int = 1 << 20) -> pl.DataFrame:
    with open_file(str(path), 0) as file:
        frames = [read_lines(block) for block in read_blocks(file, block_bytes=block_bytes) if block]
    return pl.concat(frames) if frames else pl.DataFrame()


@pytest.mark.parametrize("compress", COMPRESSORS.values(), ids=COMPRESSORS)
def test_compressed_files_are_known_by_their_content(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(compress(LINES[:100]) + compress(LINES[100:]))

    frame = read(path, block_bytes=1000)

    assert frame.height == 5000
    assert frame["_size"].sum() == len(LINES)
    assert frame["log.offset"][-1] == len(LINES) - len(b"line 4999\n")


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_file_cut_off_gives_its_lines_and_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"app.log.{name}"
    whole = COMPRESSORS[name](os.urandom(60_000).hex().encode() + b"\n")
    path.write_bytes(COMPRESSORS[name](LINES) + whole[:-9])
    frames: list[pl.DataFrame] = []

    with pytest.raises(SourceError, match="ends too early") as caught, open_file(str(path), 0) as file:
        frames.extend(read_lines(block) for block in read_blocks(file) if block)

    assert frames[0]["event.original"][4999] == "line 4999"
    assert str(path) in str(caught.value)


def test_garbage_after_the_compressed_data_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(LINES) + b"\0\0\0\0and more")

    with pytest.raises(SourceError, match="something that is not gzip follows"):
        read(path)


def test_padding_after_the_compressed_data_is_none(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(LINES) + b"\0" * 512)

    assert read(path).height == 5000


def test_broken_compressed_data_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(LINES)[:50] + b"\xff" * 500)

    with pytest.raises(SourceError, match="its gzip data is broken"):
        read(path)


@pytest.mark.parametrize(
    "data", [b"BZh is not always bzip2\n", b"BZh9", b"\x1f\x8b", b"\x28\xb5\n", b"\x00\x01\x02\xfe\n"]
)
def test_what_only_looks_compressed_is_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(data)

    assert read(path)["_size"].sum() == len(data)


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))

    assert read(tmp_path / "empty").is_empty()
    assert read(tmp_path / "empty.gz").is_empty()


def test_an_origin_says_where_and_when(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"x\n")
    os.utime(path, ns=(0, 1_782_900_000_123_456_789))
    status = path.stat()

    with open_file(os.path.relpath(path), 0) as file:
        assert file.origin == FileOrigin(str(path), status.st_dev, status.st_ino, 1_782_900_000_123, 2)


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.log", "no such file"), ("", "is a directory; name its files, for example")]
)
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught, open_file(str(tmp_path / name), 0):
        pass

    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.log"
    path.touch(mode=0)

    with pytest.raises(SourceError, match="permission denied"), open_file(str(path), 0):
        pass


def test_a_pipe_gives_what_it_has_when_its_writer_pauses(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    seen = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(b"first\nsec")
            assert seen.wait(20)
            pipe.write(b"ond\n")

    writer = threading.Thread(target=write)
    writer.start()
    given: list[bytes | None] = []
    with open_file(str(path), 1234) as file:
        assert file.origin == FileOrigin(str(path), 0, 0, 1234, 0)
        for block in read_blocks(file):
            given.append(None if block is None else block.data)
            if block is None:
                seen.set()
    writer.join()

    assert given == [b"first\n", None, b"second\n"]


def test_bytes_read_are_told_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(LINES))
    told: list[int] = []

    with open_file(str(path), 0) as file:
        for _ in read_blocks(file, on_bytes=told.append):
            pass

    assert sum(told) == file.origin.size


def test_globs_are_expanded_sorted_and_without_repeats(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", "c.txt", "[x].log"):
        (tmp_path / name).touch()
    (tmp_path / "d.log").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "e.log").touch()

    paths, errors = expand_paths([f"{tmp_path}/b.log", f"{tmp_path}/*.log", f"{tmp_path}/[x].log", "-"])

    assert paths == (f"{tmp_path}/b.log", f"{tmp_path}/[x].log", f"{tmp_path}/a.log", "-")
    assert errors == ()
    assert expand_paths([f"{tmp_path}/**/e.log"])[0] == (f"{tmp_path}/deep/er/e.log",)


def test_a_glob_without_match_is_an_error_and_a_missing_file_is_left_to_its_opening(tmp_path: Path) -> None:
    paths, errors = expand_paths([f"{tmp_path}/*.log", f"{tmp_path}/missing"])

    assert paths == (f"{tmp_path}/missing",)
    assert [str(error) for error in errors] == [
        f"cannot read {tmp_path}/*.log: no file matches this pattern; check the folder and the pattern"
    ]


def test_full_paths_keep_the_names_of_links(tmp_path: Path) -> None:
    (tmp_path / "real.log").touch()
    (tmp_path / "link.log").symlink_to(tmp_path / "real.log")

    assert to_full_path(f"{tmp_path}/x/../link.log") == f"{tmp_path}/link.log"
    assert to_full_path("-") == "-"

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parsers.events.multiline import build_joins
from parsers.model import Multiline, Pattern, Rule
from pipeline.sources.errors import SourceError
from pipeline.sources.events import Joiner
from pipeline.sources.follow import Follower
from pipeline.sources.positions import Positions, PositionsError, dump_positions, load_positions

JAVA = Rule("java", "java", patterns=(Pattern("^java"),), multiline=Multiline(continuation=r"^\s"))


def choose(lines: pl.DataFrame) -> np.ndarray:
    return np.array(
        [0 if text.startswith("java") else -1 for text in lines["event.original"]], dtype=np.int64
    )


JOINER = Joiner(build_joins((JAVA,)), choose)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Watch:
    """A follower with a clock in the test's hand, and all that it gave."""

    def __init__(self, *patterns: str | Path, restored: Positions | None = None) -> None:
        self.clock = Clock()
        self.errors: list[str] = []
        self.follower = Follower(
            patterns=tuple(str(pattern) for pattern in patterns),
            joiner=JOINER,
            clock=self.clock,
            on_error=self._take_error,
            restored=restored or Positions(),
        )
        self.frames: list[pl.DataFrame] = []

    def _take_error(self, error: SourceError) -> None:
        self.errors.append(str(error))

    def poll(self, later: float = 0.25) -> list[str]:
        self.clock.seconds += later
        return self._take(self.follower.poll())

    def finish(self) -> list[str]:
        return self._take(self.follower.finish())

    def _take(self, given: Iterator[object]) -> list[str]:
        frames = [item.events for item in given if item.events is not None]  # type: ignore[attr-defined]
        self.frames += frames
        return [text for frame in frames for text in frame["event.original"]]

    def saved(self) -> Positions:
        return Positions(self.follower.positions())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_what_is_appended_comes_once_and_a_line_only_when_it_is_whole(log: Path) -> None:
    append(log, "one\ntw")
    watch = Watch(log)

    assert watch.poll() == ["one"]
    assert watch.poll() == []
    assert watch.poll(later=60) == []
    append(log, "o\nthree\n")
    assert watch.poll() == ["two", "three"]
    assert pl.concat(watch.frames)["log.offset"].to_list() == [0, 4, 8]


def test_a_file_that_comes_later_is_told_and_read(log: Path) -> None:
    watch = Watch(log)

    assert watch.poll() == []
    assert watch.poll() == []
    assert watch.errors == [f"cannot read {log}: there is no such file yet; waiting for it"]
    append(log, "one\n")
    assert watch.poll() == ["one"]


def test_a_glob_finds_files_that_come_later(tmp_path: Path) -> None:
    append(tmp_path / "a.log", "a\n")
    watch = Watch(tmp_path / "*.log")

    assert watch.poll() == ["a"]
    append(tmp_path / "b.log", "b\n")
    assert watch.poll() == ["b"]


def test_a_renamed_file_is_read_to_its_end_before_its_successor(log: Path) -> None:
    append(log, "one\n")
    watch = Watch(log)
    watch.poll()
    append(log, "two\n")
    log.rename(log.with_suffix(".1"))
    append(log, "three\n")

    assert watch.poll() == ["two", "three"]
    append(log.with_suffix(".1"), "late\nwithout end")
    assert watch.poll() == ["late"]
    assert watch.poll(later=6) == ["without end"]
    assert watch.poll(later=6) == []
    assert {item.path for item in watch.follower.positions()} == {str(log)}


def test_a_removed_file_is_read_to_its_end(log: Path) -> None:
    append(log, "one\n")
    watch = Watch(log)
    watch.poll()
    append(log, "two")
    log.unlink()

    assert watch.poll() == []
    assert watch.poll(later=6) == ["two"]
    assert watch.follower.positions() == ()


def test_a_renamed_file_that_the_glob_still_matches_is_not_read_again(tmp_path: Path) -> None:
    append(tmp_path / "app.log", "one\n")
    watch = Watch(tmp_path / "app.log*")
    watch.poll()
    (tmp_path / "app.log").rename(tmp_path / "app.log.1")
    append(tmp_path / "app.log", "two\n")

    assert watch.poll() == ["two"]
    assert watch.poll(later=10) == []


def test_a_truncated_file_is_read_from_its_start_as_other_events(log: Path) -> None:
    append(log, "same\nold\n")
    watch = Watch(log)
    watch.poll()
    os.truncate(log, 0)
    append(log, "same\n")

    assert watch.poll() == ["same"]
    assert len({origin for frame in watch.frames for origin in frame["_origin"]}) == 2


def test_a_file_truncated_and_grown_beyond_the_old_place_is_noticed(log: Path) -> None:
    append(log, "one\n")
    watch = Watch(log)
    watch.poll()
    log.write_text("other one\nother two\n")

    assert watch.poll() == ["other one", "other two"]


def test_an_event_waits_for_its_lines_but_not_for_ever(log: Path) -> None:
    append(log, "java boom\n at a\n")
    watch = Watch(log)

    assert watch.poll() == []
    append(log, " at b\n")
    assert watch.poll() == []
    assert watch.poll(later=6) == ["java boom\n at a\n at b"]


def test_a_restart_goes_on_at_the_first_byte_without_event(log: Path) -> None:
    append(log, "one\njava boom\n at a\n at")
    first = Watch(log)
    assert first.poll() == ["one"]
    saved = first.saved()
    append(log, " b\nend\n")

    second = Watch(log, restored=saved)

    assert second.poll() == ["java boom\n at a\n at b", "end"]
    assert second.frames[0]["log.offset"].to_list() == [4, 26]
    assert second.frames[0]["_origin"][0] == first.frames[0]["_origin"][0]


def test_ending_gives_the_open_event_and_keeps_the_unfinished_line_for_the_next_start(log: Path) -> None:
    append(log, "java boom\n at a\n at")
    first = Watch(log)
    first.poll()

    assert first.finish() == ["java boom\n at a"]
    append(log, " b\n")
    assert Watch(log, restored=first.saved()).finish() == []
    assert Watch(log, restored=first.saved()).poll() == [" at b"]


def test_a_file_renamed_while_nobody_looked_is_read_on_under_its_first_name(log: Path) -> None:
    append(log, "one\n")
    first = Watch(log)
    first.poll()
    append(log, "two\n")
    log.rename(log.with_suffix(".1"))
    append(log, "three\n")

    second = Watch(log, restored=first.saved())

    assert second.poll() == ["two", "three"]
    assert second.frames[0]["log.file.path"].to_list() == [str(log)]


def test_a_file_truncated_while_nobody_looked_is_read_from_its_start(log: Path) -> None:
    append(log, "one is long\n")
    first = Watch(log)
    first.poll()
    log.write_text("two\n")

    assert Watch(log, restored=first.saved()).poll() == ["two"]


def test_an_inode_used_again_is_another_file(log: Path) -> None:
    append(log, "one\n")
    first = Watch(log)
    first.poll()
    log.write_text("another, longer\n")

    assert Watch(log, restored=first.saved()).poll() == ["another, longer"]


def test_a_compressed_copy_of_a_followed_file_is_not_read(tmp_path: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(100))
    append(tmp_path / "app.log", lines)
    watch = Watch(tmp_path / "app.log*")
    assert len(watch.poll()) == 100
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "app.log").unlink()
    append(tmp_path / "app.log", "new\n")

    assert watch.poll() == ["new"]
    assert watch.poll(later=20) == []
    assert watch.poll(later=20) == []
    assert Watch(tmp_path / "app.log*", restored=watch.saved()).poll(later=20) == []


def test_a_compressed_file_is_read_once_when_it_no_longer_grows(tmp_path: Path) -> None:
    path = tmp_path / "old.gz"
    path.write_bytes(gzip.compress(b"one\ntwo"))
    watch = Watch(path)

    assert watch.poll() == []
    assert watch.poll(later=6) == ["one", "two"]
    assert watch.poll(later=6) == []
    again = Watch(path, restored=watch.saved())
    assert [again.poll(later=6), again.poll(later=6)] == [[], []]


def test_utf16_is_followed_after_a_restart_too(log: Path) -> None:
    log.write_bytes("\ufeffone\n".encode("utf-16-le"))
    first = Watch(log)
    assert first.poll() == ["one"]
    with log.open("ab") as file:
        file.write("zwei ä\n".encode("utf-16-le"))

    assert Watch(log, restored=first.saved()).poll() == ["zwei ä"]


def test_what_is_no_file_is_told_once(tmp_path: Path) -> None:
    watch = Watch(tmp_path)

    watch.poll()
    watch.poll()

    assert watch.errors == [f"cannot read {tmp_path}: it is no regular file; only such files can be followed"]


def test_positions_come_back_as_they_were_saved(tmp_path: Path, log: Path) -> None:
    append(log, "one\n")
    watch = Watch(log)
    watch.poll()
    saved = Positions(watch.follower.positions(), {str(log): 0})
    (tmp_path / "positions.json").write_bytes(dump_positions(saved))

    assert load_positions(tmp_path / "positions.json") == saved
    assert load_positions(tmp_path / "none.json") == Positions()


@pytest.mark.parametrize("text", ["{", '{"files": 3}', '{"version": 9}'])
def test_damaged_positions_are_an_error_that_names_the_mend(tmp_path: Path, text: str) -> None:
    (tmp_path / "positions.json").write_text(text)

    with pytest.raises(PositionsError, match="remove"):
        load_positions(tmp_path / "positions.json")

"""A run in several processes gives what a run in one does. The processes are real."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Timer

import polars as pl
import pytest

from pipeline.local import Engine, Limits, Tally, load_engine, run_files
from pipeline.local_batch import Outcome, process_lines
from pipeline.local_crew import Crew, CrewError
from pipeline.local_helpers import Helper, start_helpers
from pipeline.local_wire import pack_lines, unpack_lines
from pipeline.local_worker import EngineSource
from pipeline.search import search_store
from pipeline.search_query import All
from pipeline.sinks.segments import StoreError, list_segments
from pipeline.sinks.store import StoreWriter
from tests.pipeline.local_rules import make_log
from tests.pipeline.local_rules import rules as rules
from tests.pipeline.test_local import Observer

SMALL = Limits(block_bytes=200, batch_lines=5)


@pytest.fixture(scope="module")
def engine(rules: Path) -> Engine:
    return load_engine(rules)


@contextmanager
def open_crew(rules: Path, store: Path) -> Iterator[Crew]:
    with start_helper(rules, store) as helper:
        yield Crew([helper])


@contextmanager
def start_helper(rules: Path, store: Path) -> Iterator[Helper]:
    with start_helpers(1, EngineSource(rules, "UTC", None, store, dict(os.environ))) as (helper,):
        yield helper


def to_pid(helper: Helper) -> int:
    assert helper.process.pid is not None
    return helper.process.pid


def store_log(
    engine: Engine, path: Path, store: Path, crew: Crew | None = None
) -> tuple[pl.DataFrame, object]:
    tally = Tally(lambda: 1.0)
    bursts = run_files(engine, [str(path)], Observer(), tally, 0, StoreWriter(store), SMALL, crew)
    return bursts, tally.to_summary(bursts.height)


def read_documents(store: Path) -> list[str]:
    return search_store(store, All(()), limit=None, with_documents=True)["document"].to_list()


def test_two_processes_store_what_one_does(tmp_path: Path, engine: Engine, rules: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(40))
    alone = store_log(engine, path, tmp_path / "one")

    with open_crew(rules, tmp_path / "two") as crew:
        bursts, summary = store_log(engine, path, tmp_path / "two", crew)

    assert bursts.equals(alone[0])
    assert bursts.height == 20
    assert summary == alone[1]
    assert read_documents(tmp_path / "two") == read_documents(tmp_path / "one")
    assert len({segment.path.name for segment in list_segments(tmp_path / "two")}) > 3


def test_reading_again_in_two_processes_replaces_the_events_of_one(
    tmp_path: Path, engine: Engine, rules: Path
) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(40))
    store_log(engine, path, tmp_path / "store")
    before = read_documents(tmp_path / "store")

    with open_crew(rules, tmp_path / "store") as crew:
        store_log(engine, path, tmp_path / "store", crew)

    frames = [
        pl.read_parquet(segment.path, hive_partitioning=False)
        for segment in list_segments(tmp_path / "store")
    ]
    assert read_documents(tmp_path / "store") == before
    assert sum(frame.height for frame in frames) == len(before)


def test_a_store_that_cannot_be_written_ends_the_run(tmp_path: Path, engine: Engine, rules: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(4))
    (tmp_path / "store" / "events").mkdir(parents=True)
    (tmp_path / "store" / "events" / "dataset=web.access").touch()

    with (
        pytest.raises(StoreError, match="cannot write to the store"),
        open_crew(rules, tmp_path / "store") as crew,
    ):
        store_log(engine, path, tmp_path / "store", crew)


def make_lines(height: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event.original": ["x"] * height,
            "log.offset": [2 * number for number in range(height)],
            "_size": [2] * height,
            "log.file.path": ["/a"] * height,
            "_time": [0] * height,
            "_origin": ["a"] * height,
        }
    )


def kill_first(pid: int, batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield next(batches)
    os.kill(pid, signal.SIGKILL)
    yield from batches


def test_a_process_that_is_killed_ends_the_run_with_an_error(
    tmp_path: Path, engine: Engine, rules: Path
) -> None:
    lines = make_lines(3)
    with start_helper(rules, tmp_path / "store") as helper:
        outcomes = Crew([helper]).process(
            kill_first(to_pid(helper), iter([lines] * 9)),
            engine.flow.rules.hash,
            lambda batch: process_lines(engine.flow, batch, None),
        )

        with pytest.raises(CrewError, match=r"ended with exit code -9.*run again with --processes 1"):
            list(outcomes)


@pytest.mark.parametrize(("count", "here"), [(2, 0), (9, 6)])
def test_what_a_helper_has_no_room_for_is_parsed_here_and_the_order_stays(
    tmp_path: Path, engine: Engine, rules: Path, count: int, here: int
) -> None:
    parsed_here: list[int] = []

    def process_here(lines: pl.DataFrame) -> Outcome:
        parsed_here.append(lines.height)
        return process_lines(engine.flow, lines, None)

    with start_helper(rules, tmp_path / "store") as helper:
        # The helper stands still until this process has nothing more to do.
        os.kill(to_pid(helper), signal.SIGSTOP)
        waking = Timer(1.5, os.kill, (to_pid(helper), signal.SIGCONT))
        waking.start()
        batches = [make_lines(height) for height in range(1, count + 1)]
        outcomes = list(Crew([helper]).process(iter(batches), engine.flow.rules.hash, process_here))
        waking.join()

    assert [outcome.counted.events for outcome in outcomes] == list(range(1, count + 1))
    assert len(parsed_here) == here


def test_rules_that_change_meanwhile_end_the_run(tmp_path: Path, engine: Engine, rules: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(4))
    other = replace(engine, flow=replace(engine.flow, rules=replace(engine.flow.rules, enrichments_hash="x")))

    with (
        pytest.raises(CrewError, match="the rules were changed"),
        open_crew(rules, tmp_path / "store") as crew,
    ):
        run_files(other, [str(path)], Observer(), Tally(), 0, None, SMALL, crew)


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": ["x", "x"], "b": [1, 1], "c": ["y", "z"]}),
        pl.DataFrame({"a": ["x"], "b": [1]}),
        pl.DataFrame({"a": [None, "x"], "b": [1, None], "tags": [["t"], None]}),
        pl.DataFrame({"a": [None, None]}, schema={"a": pl.String}),
        pl.DataFrame({"a": []}, schema={"a": pl.String}),
    ],
)
def test_lines_come_over_as_they_are(frame: pl.DataFrame) -> None:
    rows = BytesIO(b"of a longer batch" * 1000)

    found = unpack_lines(pack_lines(frame, rows))

    assert found.schema == frame.schema
    assert found.equals(frame, null_equal=True)
    assert unpack_lines(pack_lines(frame, rows)).equals(found, null_equal=True)

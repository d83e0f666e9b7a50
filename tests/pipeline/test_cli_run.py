import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pipeline.cli.run import plan_processes
from pipeline.reload.status import read_statuses
from pipeline.sinks.segments import list_segments
from tests.pipeline.local_rules import make_environ, make_log, run_tailrace
from tests.pipeline.local_rules import rules as rules


def read_store(store: Path) -> pl.DataFrame:
    frames = [pl.read_parquet(segment.path, hive_partitioning=False) for segment in list_segments(store)]
    columns = ["_id", "@timestamp", "event.original", "log.file.path", "log.offset"]
    if not frames:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.concat(frames, how="diagonal_relaxed").select(columns).sort("_id")


def read_bursts(store: Path) -> list[tuple[int, int]]:
    frames = [pl.read_parquet(segment.path) for segment in list_segments(store, "bursts")]
    if not frames:
        return []
    return pl.concat(frames).unique("_id").select("window_start", "count").sort("window_start").rows()


def write_config(path: Path, store: Path) -> Path:
    path.write_text(json.dumps({"store": {"directory": str(store)}}))
    return path


def run_processes(count: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    # Not `run_tailrace`: helpers import the command's own main module.
    command = [sys.executable, "-m", "pipeline", "run", *arguments, "--processes", count]
    return subprocess.run(command, capture_output=True, check=False, env=make_environ())


def test_a_run_stores_events_and_bursts_and_tells_a_person(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "app.log").write_text(make_log(4))

    run = run_tailrace("run", tmp_path / "app.log", "--rules", rules, "--store", tmp_path / "store")

    assert (run.returncode, run.stderr) == (0, b"")
    text = re.sub(r"in [\d.]+ s, [\d,]+ a second", "in TIME", run.stdout.decode())
    assert text.splitlines() == [
        "68 lines (0.0 MB) of 1 file in TIME: 28 events, 85.7 % parsed",
        "  app.java              20",
        "  generic                4",
        "  web.access             4",
        "2 bursts:",
        "  2026-07-01 10:01:00Z  60 s  6 events  many_errors: app.java",
        "  2026-07-01 10:03:00Z  60 s  6 events  many_errors: app.java",
        f"Stored in {tmp_path}/store. Try: tailrace search --store {tmp_path}/store 'log.level:error'",
    ]
    assert read_store(tmp_path / "store").height == 28
    assert [count for _, count in read_bursts(tmp_path / "store")] == [6, 6]


def test_processes_share_a_run(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "app.log").write_text(make_log(4))
    told = []
    for count in ("1", "2"):
        config = write_config(tmp_path / f"{count}.yml", tmp_path / count)
        run = run_processes(count, tmp_path / "app.log", "--rules", rules, "--config", config)
        assert (run.returncode, run.stderr) == (0, b"")
        told.append(run.stdout.decode().splitlines()[1:-1])

    assert told[0] == told[1]
    assert read_store(tmp_path / "2").equals(read_store(tmp_path / "1"))
    assert read_bursts(tmp_path / "2") == read_bursts(tmp_path / "1")


@pytest.mark.parametrize("wrong", ["rules", "settings"])
def test_a_mistake_is_told_once_by_however_many_processes(tmp_path: Path, wrong: str) -> None:
    directory = tmp_path / "rules"
    directory.mkdir()
    (directory / "a.yml").write_text("name: a\npatterns: ['(']\n" if wrong == "rules" else "")
    config = write_config(tmp_path / "settings.yml", tmp_path / "store")
    if wrong == "settings":
        config.write_text("stor: {}\n")

    one, two = (
        run_processes(count, tmp_path / "app.log", "--rules", directory, "--config", config)
        for count in ("1", "2")
    )

    assert (two.returncode, two.stderr) == (one.returncode, one.stderr)
    assert one.returncode == 1
    assert one.stderr.count(b"error:") == 1


def test_following_wants_one_process(tmp_path: Path, rules: Path) -> None:
    run = run_tailrace("run", tmp_path / "app.log", "--rules", rules, "--follow", "--processes", "2")

    assert run.returncode == 2
    assert b"--follow works in one process; leave --processes out" in run.stderr


def test_only_large_files_are_worth_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cores.count_cores", lambda: 4)
    for name in ("a.log", "b.log"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(40 * 1024 * 1024)

    assert plan_processes([str(tmp_path / "a.log")]) == 1
    assert plan_processes([str(tmp_path / "*.log")]) == 4
    assert plan_processes(["-"]) == plan_processes([]) == 1


def test_running_twice_changes_nothing(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "app.log").write_text(make_log(4))
    command = ("run", tmp_path / "app.log", "--rules", rules, "--store", tmp_path / "store")

    run_tailrace(*command)
    before = read_store(tmp_path / "store")
    run_tailrace(*command)

    assert read_store(tmp_path / "store").equals(before)


def test_what_cannot_be_read_ends_with_one(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "app.log").write_text(make_log(1))

    run = run_tailrace(
        "run", tmp_path / "app.log", tmp_path / "none", "--rules", rules, "--store", tmp_path / "store"
    )

    assert run.returncode == 1
    assert run.stderr.decode() == f"tailrace: cannot read {tmp_path}/none: no such file\n"
    assert read_store(tmp_path / "store").height == 6


def test_a_store_that_cannot_be_written_is_told_without_traceback(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "app.log").write_text(make_log(1))
    (tmp_path / "file").touch()

    run = run_tailrace("run", tmp_path / "app.log", "--rules", rules, "--store", tmp_path / "file" / "store")

    assert run.returncode == 1
    assert f"cannot write to the store {tmp_path}/file/store" in run.stderr.decode()
    assert "Traceback" not in run.stderr.decode()


def test_following_wants_files(rules: Path) -> None:
    run = run_tailrace("run", "--follow", "-", "--rules", rules, stdin=b"x\n")

    assert run.returncode == 2
    assert b"--follow wants files" in run.stderr


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


@contextmanager
def following(pattern: Path, rules: Path, store: Path, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "run",
        "--follow",
        pattern,
        "--rules",
        rules,
        "--store",
        store,
    ]
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=make_environ(**environ),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_following_stores_what_is_written_and_ends_cleanly(
    tmp_path: Path, rules: Path, ending: signal.Signals
) -> None:
    log, store = tmp_path / "app.log", tmp_path / "store"
    append(log, make_log(4))

    with following(log, rules, store) as process:
        wait_for(lambda: read_store(store).height >= 27)
        log.rename(tmp_path / "app.log.1")
        append(log, "after rotation\n")
        wait_for(lambda: "after rotation" in read_store(store)["event.original"].to_list())
        append(log, "half a li")
        process.send_signal(ending)
        _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, b"")
    assert read_store(store).height == 29

    append(log, "ne\n")
    with following(log, rules, store) as process:
        wait_for(lambda: "half a line" in read_store(store)["event.original"].to_list())
    assert read_store(store)["log.offset"].n_unique() > 20
    assert read_store(store).height == 30
    assert read_store(store)["_id"].n_unique() == 30


def test_edited_rules_go_live_while_files_are_followed(tmp_path: Path, rules: Path) -> None:
    log, store, status = tmp_path / "app.log", tmp_path / "store", tmp_path / "status"
    environ = {"TAILRACE_RULES_STATUS_DIRECTORY": str(status), "TAILRACE_RULES_RELOAD_INTERVAL": "100ms"}
    append(log, "2026-07-01 10:00:00 ERROR boom\n  at one\n")

    def stored() -> list[str]:
        return read_store(store)["event.original"].to_list()

    def read_reloads() -> list[int]:
        return [found.reloads for found in read_statuses(status)]

    with following(log, rules, store, **environ):
        wait_for(lambda: read_reloads() == [0])
        # The first event is still open when its rule is exchanged: the lines that follow go on with it, by the new one.
        java = rules / "java.yml"
        java.write_text(java.read_text().replace(r"'^\s'", r"'^(?:\s|Caused by)'"))
        wait_for(lambda: read_reloads() == [1])
        append(log, "Caused by: two\n2026-07-01 10:00:01 ERROR bang\nCaused by: three\nlast\n")
        wait_for(lambda: "last" in stored())
    assert sorted(stored()) == [
        "2026-07-01 10:00:00 ERROR boom\n  at one\nCaused by: two",
        "2026-07-01 10:00:01 ERROR bang\nCaused by: three",
        "last",
    ]


@pytest.mark.slow
def test_a_kill_loses_nothing_and_counts_nothing_twice(tmp_path: Path, rules: Path) -> None:
    log, store = tmp_path / "app.log", tmp_path / "store"
    lines = make_log(20).splitlines(keepends=True)
    expected = 20 * 5 + 40
    position = store / "follow" / "positions.json"

    for start in range(0, len(lines), 90):
        append(log, "".join(lines[start : start + 90]))
        with following(log, rules, store) as process:
            wait_for(lambda: position.exists() and json.loads(position.read_text())["files"][0]["offset"] > 0)
            time.sleep(0.5)
            process.send_signal(signal.SIGKILL)
    append(log, "2026-07-01T12:00:00Z web-1 access 200 /end\n")
    with following(log, rules, store) as process:
        wait_for(lambda: read_store(store).height >= expected + 1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    stored = read_store(store)
    assert stored.height == stored["_id"].n_unique() == expected + 1
    assert sorted(stored["event.original"].str.split("\n").explode()) == sorted(
        [line.rstrip("\n") for line in lines] + ["2026-07-01T12:00:00Z web-1 access 200 /end"]
    )
    bounded = run_tailrace("run", log, "--rules", rules, "--store", tmp_path / "bounded")
    assert bounded.returncode == 0
    # Lines without a time have the file's, and that has changed since.
    assert read_store(tmp_path / "bounded").drop("@timestamp").equals(stored.drop("@timestamp"))
    assert read_bursts(store) == read_bursts(tmp_path / "bounded")

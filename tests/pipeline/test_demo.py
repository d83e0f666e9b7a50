import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

import click
import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.demo import demo
from pipeline.demo.folder import FolderError, prepare_folder
from pipeline.demo.live import append_lines
from pipeline.demo.scenario import MINUTE, MINUTES, START, HiddenBurst, build_scenario, write_scenario
from pipeline.demo.sources import SOURCES
from pipeline.demo.summary import format_bursts, format_figures, format_sources
from pipeline.demo.verdict import find_differences
from pipeline.local import Summary

LINES = 5_000


def run_demo(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(demo, arguments, catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """The folder, exit code and output of one run."""
    folder = tmp_path_factory.mktemp("demo") / "logs"
    return folder, *run_demo("--lines", str(LINES), "--write", str(folder))


def test_demo_finds_exactly_what_it_hid(shown: tuple[Path, int, str]) -> None:
    _, code, output = shown

    assert code == 0, output
    assert "Exactly the 2 bursts that were hidden." in output
    assert "100 % parsed" in output
    assert all(dataset in output for dataset in ("nginx.access", "nginx.error", "java.log", "postgresql.log"))


def test_demo_leaves_logs_and_store(shown: tuple[Path, int, str]) -> None:
    folder, _, output = shown

    assert sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.log") if path.is_file()
    ) == sorted(source.path for source in SOURCES)
    assert list((folder / "store").rglob("*.parquet"))
    assert str(folder / "store") in output


def test_commands_to_try_work(shown: tuple[Path, int, str]) -> None:
    _, _, output = shown
    tried = [
        line.strip()
        for line in output.splitlines()
        if line.strip().startswith(("tailrace search", "tailrace parse"))
    ]

    assert len(tried) == 2
    for line in tried:
        command = line.split("  ")[0].replace("tailrace", f"{sys.executable} -m pipeline", 1)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60
        )

        assert done.returncode == 0, done.stderr
        assert "pool exhausted" in done.stdout or "shop.log" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_bursts_of_other_seeds_are_found_too(seed: int, tmp_path: Path) -> None:
    code, output = run_demo("--lines", "2000", "--seed", str(seed), "--write", str(tmp_path / "logs"))

    assert code == 0, output


def test_seed_decides_every_byte() -> None:
    def digest(seed: int) -> str:
        events = [event for events in build_scenario(seed, LINES).files.values() for event in events]
        return sha256("\n".join(events).encode()).hexdigest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)
    # The same on other machines and Python versions.
    assert digest(1) == "0993dd8a676721c219e10d0d708a2ec959a371fe233023d1df12bbe9f4fb4e4a"


def test_number_of_lines_is_about_the_one_asked_for() -> None:
    for lines in (1_000, 20_000):
        scenario = build_scenario(1, lines)

        usual = sum(len(events) for events in scenario.files.values()) - sum(
            burst.count for burst in scenario.hidden
        )
        assert lines <= usual <= lines + 100


@pytest.mark.parametrize("seed", range(40))
def test_hidden_bursts_stand_out_in_each_of_their_windows(seed: int) -> None:
    hidden = build_scenario(seed, 1_000).hidden

    assert [(burst.dataset, burst.end - burst.start) for burst in hidden] == [
        ("java.log", 2 * MINUTE),
        ("postgresql.log", MINUTE),
    ]
    assert min(burst.start for burst in hidden) >= START
    assert max(burst.end for burst in hidden) <= START + MINUTES * MINUTE
    assert all(burst.count >= 100 for burst in hidden)


def test_files_end_when_their_logs_do(tmp_path: Path) -> None:
    for path in write_scenario(build_scenario(1, 1_000), tmp_path):
        assert datetime.fromtimestamp(Path(path).stat().st_mtime, UTC) == datetime(
            2026, 3, 16, 9, 4, tzinfo=UTC
        )


def test_demo_runs_again_in_its_own_folder(tmp_path: Path) -> None:
    store = prepare_folder(tmp_path / "logs")
    (store / "old").mkdir(parents=True)

    assert prepare_folder(tmp_path / "logs") == store
    assert not store.exists()


@pytest.mark.parametrize("name", ["nginx/access.log", "store"])
def test_demo_does_not_touch_what_others_wrote(name: str, tmp_path: Path) -> None:
    theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("precious")

    with pytest.raises(FolderError, match="not the demo's"):
        prepare_folder(tmp_path)

    code, output = run_demo("--write", str(tmp_path))
    assert code == 1
    assert "name a new or an empty directory" in output
    assert theirs.read_text() == "precious"


def test_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FolderError, match="cannot write to"):
        prepare_folder(tmp_path / "file" / "logs")


def test_rate_wants_a_directory() -> None:
    code, output = run_demo("--rate", "5")

    assert code == click.UsageError.exit_code
    assert "--rate wants --write" in output


class Clock:
    """Ten simulated minutes that pass as fast as they are waited for."""

    def __init__(self, seconds: int) -> None:
        self.time = START
        self.end = START + seconds * 1000

    def now(self) -> int:
        return self.time

    def wait(self, seconds: float) -> bool:
        self.time += round(seconds * 1000)
        return self.time > self.end


def test_live_logs_keep_the_rate_and_burst_every_five_minutes(tmp_path: Path) -> None:
    clock = Clock(seconds=300)

    written = append_lines(tmp_path, 50, Random(1), clock.now, clock.wait)

    bursts = 40 * 4 + 40 * 6
    strays = 5 * 5 * 3
    assert written == pytest.approx(300 * 50 + bursts + strays, abs=60)
    shop = (tmp_path / "app/shop.log").read_text()
    assert shop.count("pool exhausted, order") == pytest.approx(40 * 4, abs=2)
    assert shop.startswith("2026-03-16 09:00:")
    assert shop.rstrip().splitlines()[-1].startswith(("2026-03-16 09:04:59", "2026-03-16 09:05:00"))
    assert (tmp_path / "postgresql/postgresql.log").read_text().count("FATAL") == pytest.approx(40 * 6, abs=2)


def test_live_logs_rotate(tmp_path: Path) -> None:
    clock = Clock(seconds=20)

    append_lines(tmp_path, 200, Random(1), clock.now, clock.wait, rotate_bytes=100_000)

    old, new = tmp_path / "nginx/access.log.1", tmp_path / "nginx/access.log"
    assert 100_000 <= old.stat().st_size < 120_000
    assert new.stat().st_size < 120_000
    assert old.read_text().endswith("\n")


def test_live_logs_do_not_make_up_for_a_sleep(tmp_path: Path) -> None:
    times = iter([START, START + 200, START + 3_600_000])
    waits = iter([False, False, True])

    assert append_lines(tmp_path, 100, Random(1), lambda: next(times), lambda _: next(waits)) < 200


def test_live_logs_end_with_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "demo", "--write", str(tmp_path / "logs"), "--rate", "500"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "logs/nginx/access.log").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    finally:
        process.kill()

    assert process.returncode == 0
    assert "events written" in errors
    assert all(path.read_bytes().endswith(b"\n") for path in (tmp_path / "logs").rglob("*.log"))


EPISODES = pl.DataFrame(
    {
        "rule": ["errors"],
        "group": ['{"event.dataset":"java.log"}'],
        "start": [START],
        "end": [START + MINUTE],
        "count": [120],
        "windows": [1],
        "first": [START + 5_000],
        "last": [START + 40_000],
    }
)


def test_differences_are_named() -> None:
    hidden = HiddenBurst(START, START + MINUTE, "errors", "java.log", 120)

    assert find_differences([hidden], EPISODES) == []
    assert [text.split(":")[0] for text in find_differences([], EPISODES)] == ["not hidden"]
    assert [text.split(":")[0] for text in find_differences([hidden], EPISODES.clear())] == ["not found"]
    for other in (
        replace(hidden, count=121),
        replace(hidden, end=hidden.end + MINUTE),
        replace(hidden, dataset="x"),
    ):
        assert len(find_differences([other], EPISODES)) == 2


def test_summary_is_plain_where_it_has_to_be() -> None:
    summary = Summary(
        files=2, bytes=3_000_000, lines=1000, events=900, parsed=899, seconds=0.5, datasets={"b": 1, "a": 899}
    )

    assert click.unstyle(format_figures(summary)) == (
        "1,000 lines (3 MB) of 2 files in 0.5 s: 2,000 lines/s\n900 events, 99.89 % parsed"
    )
    assert format_sources(summary, is_unicode=False) == [
        "a  ################################        899",
        "b  ###.............................          1",
    ]
    assert [click.unstyle(line) for line in format_bursts(EPISODES)] == [
        "2026-03-16 09:00:05          35 s      120 events  java.log  (rule errors)"
    ]


def test_summary_of_nothing() -> None:
    assert format_sources(Summary()) == []
    assert "100 % parsed" in click.unstyle(format_figures(Summary()))
    assert format_bursts(EPISODES.clear()) == []
    assert "99.99 %" in click.unstyle(format_figures(Summary(events=1_000_000, parsed=999_999)))

import importlib
import json
import re
from pathlib import Path

import pytest

from bench.__main__ import PARTS, main
from bench.contender import Contender, ContenderError, run
from bench.envelopes import decode_envelopes, parse_envelopes
from bench.latency import find_latencies
from bench.length import LENGTHS
from bench.local import list_cores, run_command, write_file
from bench.memory import running
from bench.options import Options
from bench.processes import read_tree
from bench.report import Row, Sample
from bench.search import QUERIES, search

ROOT = Path(__file__).parent.parent.parent


def unreachable() -> str:
    raise AssertionError("this part needs no server")


def test_every_part_can_be_measured_and_is_in_the_documentation() -> None:
    document = (ROOT / "docs" / "performance.md").read_text()

    for part in PARTS:
        assert callable(importlib.import_module(f"bench.{part}").measure)
        assert re.search(rf"^\| `{part}` \|", document, re.MULTILINE), part


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["parse", "hats"])
    assert "hats is no part" in capsys.readouterr().err


def test_a_part_that_fails_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"

    def fail(_: Options) -> list[Row]:
        raise ContenderError("out of coffee")

    monkeypatch.setattr("bench.length.measure", fail)
    monkeypatch.setattr("bench.envelopes.measure", lambda _: [Row("envelopes", "one", rate=7.0)])

    assert main(["length", "envelopes", "--json", str(path)]) == 1

    assert [row["what"] for row in json.loads(path.read_text())["rows"]] == [
        "not measured: it failed, see above",
        "one",
    ]
    assert "out of coffee" in capsys.readouterr().err


def test_large_runs_take_more() -> None:
    small = Options(Path(), unreachable, unreachable)

    assert (small.choose(7, 3), Options(Path(), unreachable, unreachable, quick=True).choose(7, 3)) == (7, 3)
    assert Options(Path(), unreachable, unreachable, records=5).choose(7, 3) == 5


@pytest.mark.slow
def test_the_command_writes_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"

    main(["length", "--records", "200", "--rounds", "1", "--json", str(path)])

    rows = json.loads(path.read_text())["rows"]
    assert [row["plot"] for row in rows] == ["length: access log"] * len(LENGTHS)
    assert capsys.readouterr().out.count("| length |") == len(LENGTHS)


def test_envelopes_become_as_many_documents() -> None:
    assert decode_envelopes("ten", 500).count == 500
    assert parse_envelopes("ten", 500).count == 500


@pytest.mark.slow
def test_files_are_run_into_a_store_that_can_be_searched(tmp_path: Path) -> None:
    path, store = tmp_path / "local.log", tmp_path / "store"
    write_file(path, 3_000, "ten")

    sample = run_command(str(path), str(store), 1)

    assert sample.count == path.read_bytes().count(b"\n")
    found = {query: search(str(store), query).details["found"] for query in QUERIES}
    assert found[""] == 100
    assert found["log.level:error"] > 0
    assert found["nothing-has-this-word"] == 0


def test_a_contender_runs_on_as_many_cores_as_it_asks_for() -> None:
    for cores in list_cores():
        sample = run(Contender("cores", "tests.bench.test_parts:count_cores", {}, cores))
        assert sample.details == {"cores": cores, "threads": cores}
        assert sample.peak_mb > 1


def count_cores() -> Sample:
    import os

    import polars as pl

    return Sample(1, 1, 1, details={"cores": len(os.sched_getaffinity(0)), "threads": pl.thread_pool_size()})


def test_a_contender_that_fails_tells_why() -> None:
    with pytest.raises(ContenderError, match="no_such_function"):
        run(Contender("gone", "tests.bench.test_parts:no_such_function", {}))


def test_the_use_of_a_process_and_of_all_that_come_from_it_is_read(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', "
        "'sum(range(20_000_000)); print(1, flush=True); import time; time.sleep(60)'], stdout=subprocess.PIPE); "
        "child.stdout.readline(); print('ready', flush=True); time.sleep(60)"
    )
    import sys
    import time

    log = tmp_path / "log"
    with running([sys.executable, "-c", script], log) as process:
        while b"ready" not in log.read_bytes():
            time.sleep(0.05)
        cpu, resident = read_tree(process.pid)
        own = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))

    assert cpu > own / 100
    assert resident > 10


def test_the_time_of_a_line_ends_when_the_batch_that_holds_it_is_released() -> None:
    written = {(0, 0): 1_000, (0, 1): 1_000, (0, 2): 1_500, (1, 0): 900}
    releases = [[(2, 1.25), (3, 1.75)], [(1, 2.0)]]

    latencies = find_latencies(written, ((key, *key) for key in written), releases, 950)

    assert latencies.tolist() == [250, 250, 250]

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.against import extract
from bench.check import check, main, to_table
from bench.gate import Baseline, Reference, judge, measure_costs, read_baseline, write_baseline
from bench.workloads import build_workloads
from parsers.load import load_rule_set
from parsers.shipped import shipped_rules_directory

ROUNDS = 3
LINES = 3_000


@pytest.fixture(scope="module")
def workloads() -> dict[str, Callable[[], int]]:
    return build_workloads(load_rule_set(shipped_rules_directory()), ("access", "envelopes"), LINES)


def test_a_parse_that_takes_twice_as_long_is_caught(workloads: dict[str, Callable[[], int]]) -> None:
    reference = Reference(5_000).run
    before = judge(measure_costs(workloads, reference, ROUNDS), Baseline({}))
    kept = Baseline({verdict.name: verdict.cost for verdict in before}, tolerance=0.4)
    parse = workloads["access"]

    def parse_twice() -> int:
        return parse() + parse()

    now = check({**workloads, "access": parse_twice}, reference, kept, ROUNDS)

    slower = {verdict.name: verdict.is_slower for verdict in now}
    assert slower == {"access": True, "envelopes": False}
    assert "SLOWER" in to_table(now)


def test_workloads_write_a_document_for_every_line(workloads: dict[str, Callable[[], int]]) -> None:
    assert {name: work() for name, work in workloads.items()} == {"access": LINES, "envelopes": LINES}


def test_what_only_once_seemed_slower_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([{"one": [2.0, 2.0, 2.0]}, {"one": [1.0, 1.0, 1.0, 1.0]}])
    monkeypatch.setattr("bench.check.measure_costs", lambda *_: next(found))

    verdicts = check({"one": int}, int, Baseline({"one": 1.0}), ROUNDS)

    assert [verdict.is_slower for verdict in verdicts] == [False]


def test_a_new_workload_is_no_regression() -> None:
    (verdict,) = judge({"new": [3.0]}, Baseline({"old": 1.0}))

    assert verdict.change is None
    assert not verdict.is_slower


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"

    write_baseline(judge({"one": [1.0, 2.0, 9.0]}, Baseline({})), 0.2, path)

    assert read_baseline(path).costs == {"one": 2.0}
    assert read_baseline(path).tolerance == 0.2


def test_the_kept_baseline_knows_all_workloads() -> None:
    from bench.workloads import KINDS

    assert set(read_baseline().costs) == set(KINDS)


@pytest.mark.parametrize("text", [None, "{", json.dumps({"speed": 7})])
def test_without_a_baseline_the_gate_tells_how_to_make_one(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "baseline.json"
    if text is not None:
        path.write_text(text)

    assert main(["--baseline", str(path)]) == 1
    assert "python -m bench.check --update" in capsys.readouterr().err


def test_an_unknown_revision_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--against", "no-such-revision"]) == 1
    assert "git has no no-such-revision" in capsys.readouterr().err


def test_a_revision_is_taken_out_with_the_benchmark_of_the_working_tree(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "folder"
    (root / "bench").mkdir(parents=True)
    (root / "parsers").mkdir()
    (root / "parsers" / "parse.py").write_text("old")
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "old"]):
        subprocess.run([*git, *command], check=True)
    (root / "parsers" / "parse.py").write_text("new")
    (root / "bench" / "check.py").write_text("new")
    folder.mkdir()

    extract("HEAD", root, folder, ["parsers"])

    assert (folder / "parsers" / "parse.py").read_text() == "old"
    assert (folder / "bench" / "check.py").read_text() == "new"


@pytest.mark.slow
def test_the_command_fails_for_what_has_become_slower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "baseline.json"
    arguments = ["--lines", "1000", "--rounds", "1", "--baseline", str(path)]
    assert main(["--update", *arguments]) == 0
    assert main([*arguments[:-1], str(_halved(path, tmp_path))]) == 1
    assert "SLOWER" in capsys.readouterr().out


def _halved(path: Path, folder: Path) -> Path:
    kept = json.loads(path.read_text())
    kept["costs"] = {name: cost / 4 for name, cost in kept["costs"].items()}
    (folder / "halved.json").write_text(json.dumps(kept))
    return folder / "halved.json"

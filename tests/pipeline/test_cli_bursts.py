import json
from pathlib import Path

from tests.pipeline.local_rules import make_log, run_tailrace
from tests.pipeline.local_rules import rules as rules


def test_bursts_are_documents_ordered_by_time(tmp_path: Path, rules: Path) -> None:
    lines = make_log(6).splitlines(keepends=True)
    half = lines.index("what is this\n", 60) + 1
    (tmp_path / "a.log").write_text("".join(lines[half:]))
    (tmp_path / "b.log").write_text("".join(lines[:half]))

    run = run_tailrace("bursts", tmp_path / "a.log", tmp_path / "b.log", "--rules", rules)
    found = [json.loads(line) for line in run.stdout.splitlines()]

    assert (run.returncode, run.stderr) == (0, b"")
    assert [document["@timestamp"] for document in found] == [
        f"2026-07-01T10:0{minute}:00.000Z" for minute in (1, 3, 5)
    ]
    assert {document["rule"]["name"] for document in found} == {"many_errors"}
    assert {document["tailrace"]["burst"]["count"] for document in found} == {6}


def test_input_without_bursts_prints_nothing(rules: Path) -> None:
    run = run_tailrace("bursts", "--rules", rules, stdin=make_log(1).encode())

    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_a_missing_file_ends_with_one_and_the_rest_counts(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "a.log").write_text(make_log(2))

    run = run_tailrace("bursts", tmp_path / "none.log", tmp_path / "a.log", "--rules", rules)

    assert run.returncode == 1
    assert len(run.stdout.splitlines()) == 1
    assert b"none.log: no such file" in run.stderr

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.local_rules import Run, make_environ, run_tailrace, start_tailrace
from tests.pipeline.local_rules import rules as rules

TEXT = (
    b"2026-07-01T10:00:00Z web-1 access 200 /a\n"
    b"what is this\n"
    b"\n"
    b"2026-07-01 10:00:01 ERROR boom\n\tat a\n\tat b\r\n"
    b"\xff broken\n"
    b"2026-07-01T10:00:02Z web-2 access 500 /b"
)


def documents(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_every_event_is_a_document_in_the_order_of_the_input(tmp_path: Path, rules: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(TEXT)

    run = run_tailrace("parse", path, "--rules", rules)
    found = documents(run)

    assert (run.returncode, run.stderr) == (0, b"")
    assert [document["log"]["offset"] for document in found] == [0, 41, 54, 55, 99, 108]
    assert [document.get("rule", {}).get("name") for document in found] == [
        "access",
        None,
        None,
        "java",
        None,
        "access",
    ]
    assert {document["log"]["file"]["path"] for document in found} == {str(path)}
    for document in found:
        assert document["@timestamp"].endswith("Z")
        assert document["ecs"]["version"]
        assert {"message", "dataset", "original"} <= {*document, *document["event"]}
    assert found[0]["event"]["dataset"] == "web.access"
    assert found[0]["@timestamp"] == "2026-07-01T10:00:00.000Z"
    assert found[1]["message"] == "what is this"
    assert found[1]["tags"] == ["_unparsed"]
    assert found[2]["message"] == ""
    assert found[3]["event"]["original"] == "2026-07-01 10:00:01 ERROR boom\n\tat a\n\tat b"
    assert found[3]["message"] == "boom"
    assert found[3]["error"]["stack_trace"] == "\tat a\n\tat b"
    assert found[4]["message"] == "\ufffd broken"
    assert sorted(found[4]["tags"]) == ["_invalid_utf8", "_unparsed"]
    assert found[4]["tailrace"]["original_base64"] == "/yBicm9rZW4="


def test_files_come_one_after_the_other_and_compression_changes_nothing(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "a.log").write_bytes(TEXT)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(TEXT))

    found = documents(run_tailrace("parse", f"{tmp_path}/*", "--rules", rules))

    half = len(found) // 2
    assert [document["log"]["file"]["path"] for document in found] == [
        *[f"{tmp_path}/a.log"] * half,
        *[f"{tmp_path}/b.log.gz"] * half,
    ]
    assert [document["event"]["original"] for document in found[:half]] == [
        document["event"]["original"] for document in found[half:]
    ]


def test_standard_input_is_read_without_a_name_or_as_a_dash(rules: Path) -> None:
    without = documents(run_tailrace("parse", "--rules", rules, stdin=TEXT))
    dashed = documents(run_tailrace("parse", "-", "--rules", rules, stdin=gzip.compress(TEXT)))

    assert len(without) == 6
    assert [document["message"] for document in without] == [document["message"] for document in dashed]
    assert without[0]["log"]["file"]["path"] == "-"


def test_nothing_in_gives_nothing_out(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "empty").touch()

    run = run_tailrace("parse", tmp_path / "empty", "--rules", rules)

    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_what_cannot_be_read_is_named_and_the_rest_is_read(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "good.log").write_bytes(TEXT)

    run = run_tailrace(
        "parse", tmp_path / "missing.log", tmp_path, tmp_path / "good.log", "*.nothing", "--rules", rules
    )

    assert run.returncode == 1
    assert len(documents(run)) == 6
    assert sorted(run.stderr.decode().splitlines()) == [
        "tailrace: cannot read *.nothing: no file matches this pattern; check the folder and the pattern",
        f"tailrace: cannot read {tmp_path / 'missing.log'}: no such file",
        f"tailrace: cannot read {tmp_path}: it is a directory; name its files, for example {tmp_path}/*.log",
    ]


def test_binary_junk_is_events_too(tmp_path: Path, rules: Path) -> None:
    junk = bytes(range(256)) * 40
    (tmp_path / "junk").write_bytes(junk)

    run = run_tailrace("parse", tmp_path / "junk", "--rules", rules)

    assert run.returncode == 0
    assert [document["log"]["offset"] for document in documents(run)] == [0, *range(11, len(junk), 256)]


def test_a_reader_that_goes_away_is_no_trouble(tmp_path: Path, rules: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(TEXT * 20_000)
    command = [sys.executable, "-m", "pipeline", "parse", str(path), "--rules", str(rules)]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=make_environ()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"@timestamp"')
        process.stdout.close()
        assert process.stderr.read() == b""


def test_lines_of_a_slow_pipe_come_out_as_they_come_in(rules: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "parse", "--rules", str(rules)]

    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=make_environ()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"what is this\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["message"] == "what is this"
        process.stdin.close()
        assert process.wait(30) == 0


def test_the_zone_of_times_without_one_can_be_given(tmp_path: Path, rules: Path) -> None:
    line = b"2026-07-01 10:00:01 ERROR boom\n"

    (document,) = documents(
        run_tailrace("parse", "--rules", rules, "--timezone", "Europe/Berlin", stdin=line)
    )
    wrong = run_tailrace("parse", "--rules", rules, "--timezone", "Europe/Nowhere", stdin=line)

    assert document["@timestamp"] == "2026-07-01T08:00:01.000Z"
    assert wrong.returncode == 2
    assert b"is no IANA zone or offset" in wrong.stderr


def test_wrong_rules_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("name: bad\npatern: x\n")

    run = run_tailrace("parse", "--rules", tmp_path, stdin=b"x\n")

    assert run.returncode == 1
    assert b"bad.yml:2:1: error: unknown key 'patern'" in run.stderr
    assert b"Traceback" not in run.stderr


def test_a_stage_of_the_users_own_runs_and_its_failure_is_told(tmp_path: Path, rules: Path) -> None:
    (tmp_path / "mystages.py").write_text(
        "import polars as pl\n"
        "def shout(frame): return frame.with_columns(pl.col('message').str.to_uppercase())\n"
        "def fail(frame): return frame.select(pl.col('nothing'))\n"
    )

    def parse(stage: str) -> Run:
        return start_tailrace(
            "parse", "--rules", rules, stdin=b"hello\n", cwd=tmp_path, TAILRACE_STAGES=f"mystages:{stage}"
        )

    (document,) = documents(parse("shout"))
    failed = parse("fail")
    missing = parse("none")

    assert document["message"] == "HELLO"
    assert failed.returncode == 1
    assert b"stage fail failed" in failed.stderr
    assert b"Traceback" not in failed.stderr
    assert missing.returncode == 1
    assert b"the stage 'mystages:none' of the settings cannot be loaded" in missing.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
@pytest.mark.parametrize("command", ["parse", "run", "bursts"])
def test_a_terminal_alone_is_wrong_usage(command: str) -> None:
    pty = pytest.importorskip("pty")

    leader, follower = pty.openpty()
    run = subprocess.run(
        [sys.executable, "-m", "pipeline", command],
        stdin=follower,
        capture_output=True,
        check=False,
        env=make_environ(),
    )

    assert run.returncode == 2
    assert b"name a FILE, or pipe lines in" in run.stderr
    for descriptor in (leader, follower):
        os.close(descriptor)

"""Whose status is told: that of processes which still run, not of others that have their number by now."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.reload.status import PREFIX, RuleStatus, read_statuses, write_status

# More than any system gives out.
NOBODY = 2**22 + 1


def build_status(pid: int) -> RuleStatus:
    moment = "2026-07-01T10:00:00Z"
    return RuleStatus(pid, "worker tailrace", "rules", "50660536cf9c", 3, moment, moment)


def test_the_status_of_a_process_that_runs_is_told(tmp_path: Path) -> None:
    write_status(tmp_path, build_status(os.getpid()))
    write_status(tmp_path, build_status(NOBODY))

    assert [status.pid for status in read_statuses(tmp_path)] == [os.getpid()]


@pytest.mark.skipif(
    sys.platform != "linux", reason="other systems do not tell in a file when a process started"
)
def test_a_process_that_began_after_the_status_was_written_is_another(tmp_path: Path) -> None:
    write_status(tmp_path, build_status(os.getpid()))
    os.utime(tmp_path / f"{PREFIX}{os.getpid()}.json", (0, 0))

    assert list(read_statuses(tmp_path)) == []


def test_what_is_no_status_is_left_out(tmp_path: Path) -> None:
    for number, text in enumerate(["", "{}", "[1]", '{"pid": "x"}']):
        (tmp_path / f"{PREFIX}{number}.json").write_text(text)

    assert list(read_statuses(tmp_path)) == []

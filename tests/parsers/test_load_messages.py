"""The words of every mistake, kept as files: run with `TAILRACE_GOLDEN=write` to see a change as a diff."""

import os
import shutil
from pathlib import Path

import pytest

from parsers.load import check_rules

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yml"))


@pytest.mark.parametrize("case", CASES)
def test_messages_are_as_kept(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    directory = Path("rules")
    directory.mkdir()
    shutil.copy(GOLDEN / f"{case}.yml", directory)
    kept = GOLDEN / f"{case}.txt"

    _, problems = check_rules(directory)
    messages = "".join(f"{problem}\n" for problem in problems)
    if os.environ.get("TAILRACE_GOLDEN") == "write":
        kept.write_text(messages, encoding="utf-8")

    assert messages == kept.read_text(encoding="utf-8")


def test_every_kept_file_has_its_case() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == CASES


def test_the_kept_files_show_many_kinds_of_mistakes() -> None:
    """A message's kind is its text without what stands in quotes and without numbers."""
    import re

    lines = [line for path in GOLDEN.glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()]
    kinds = {re.sub(r"'[^']*'|\d+", "_", line.split(": ", 2)[2].split(";")[0]) for line in lines}

    assert len(kinds) >= 50

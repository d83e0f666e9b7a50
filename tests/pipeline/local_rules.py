"""A small rule directory and a way to run the command, for the tests of the local commands."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.cli import main

ACCESS = r"""
name: access
dataset: web.access
patterns:
  - '^(?P<ts>\S+) (?P<host.name>\S+) access (?P<http.response.status_code>\d+) (?P<url.path>\S+)$'
timestamp: {field: ts, formats: [ISO8601]}
tests: [{name: ok, line: '2026-07-01T10:00:00Z web-1 access 200 /', expect: {url.path: /}}]
"""
JAVA = r"""
name: java
dataset: app.java
patterns:
  - '^(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<log.level>[A-Z]+) (?P<message>.*)$'
timestamp: {field: ts, formats: ['%Y-%m-%d %H:%M:%S']}
multiline: {continuation: '^\s', field: error.stack_trace}
tests: [{name: ok, line: '2026-07-01 10:00:00 ERROR boom', expect: {log.level: error}}]
"""
BURST = """
name: many_errors
type: frequency
filter: {log.level: [error]}
group_by: [event.dataset]
timeframe: {minutes: 1}
grace: {seconds: 30}
condition: {gte: 5}
tests: [{name: few, events: [{log.level: error}], expect: []}]
"""


def write_rules(folder: Path) -> Path:
    (folder / "bursts").mkdir(parents=True)
    (folder / "access.yml").write_text(ACCESS)
    (folder / "java.yml").write_text(JAVA)
    (folder / "bursts" / "many.yml").write_text(BURST)
    return folder


@dataclass(frozen=True)
class Run:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run_tailrace(*arguments: str | Path, stdin: bytes = b"") -> Run:
    """Run the command in this process, on file descriptors as a process of its own would have them."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin)
        files[0].seek(0)
        saved = [os.dup(number) for number in range(3)]
        streams = (sys.stdin, sys.stdout, sys.stderr)
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TAILRACE_")}
        try:
            for number, file in enumerate(files):
                os.dup2(file.fileno(), number)
            sys.stdin, sys.stdout, sys.stderr = (
                stack.enter_context(open(number, mode, closefd=False)) for number, mode in enumerate("rww")
            )
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
            os.environ.update(hidden)
            for number, descriptor in enumerate(saved):
                os.dup2(descriptor, number)
                os.close(descriptor)
        for file in files[1:]:
            file.seek(0)
        return Run(int(ended.value.code or 0), files[1].read(), files[2].read())


def start_tailrace(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environ: str
) -> Run:
    """Run the command in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env=make_environ(**environ),
    )
    return Run(run.returncode, run.stdout, run.stderr)


def make_environ(**added: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **added}


def make_log(minutes: int) -> str:
    """Six errors in every second minute, four in the others, with traces; and what no rule knows."""
    lines: list[str] = []
    for minute in range(minutes):
        for second in range(6 if minute % 2 else 4):
            lines.append(f"2026-07-01 10:{minute:02}:{second:02} ERROR boom {second}\n\tat a\n\tat b\n")
        lines.append("what is this\n")
        lines.append(f"2026-07-01T10:{minute:02}:30Z web-1 access 200 /{minute}\n")
    return "".join(lines)


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rules(tmp_path_factory.mktemp("local") / "rules")

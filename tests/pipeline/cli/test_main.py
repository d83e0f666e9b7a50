"""The command line as a user meets it: quick help, clear errors, the exit codes a shell expects."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from parsers.errors import Problem, RuleError
from parsers.model import Location
from pipeline.cli import COMMANDS, LazyGroup, explain_error, main, tailrace
from pipeline.settings import SettingsError

HEAVY = (
    "polars",
    "faust",
    "aiokafka",
    "elasticsearch",
    "hyperscan",
    "rich",
    "yaml",
    "numpy",
    "asyncio",
    "loguru",
)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def exit_code_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("--help") == 0

    output = capsys.readouterr().out
    for name, entry in COMMANDS.items():
        assert f"  {name} " in output
        assert entry.help in output


def test_help_imports_nothing_heavy() -> None:
    done = run_python(
        "import sys\n"
        "from pipeline.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_help_takes_at_most_three_tenths_of_a_second() -> None:
    def measure() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "pipeline", "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    assert min(measure() for _ in range(5)) <= 0.3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads_and_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(name, "--help") == 0
    assert f"Usage: tailrace {name}" in capsys.readouterr().out


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert exit_code_of("--version") == 0
    assert capsys.readouterr().out == f"tailrace {version('tailrace')}\n"


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("prase") == 2
    assert "No such command 'prase'" in capsys.readouterr().err


def test_rule_errors_are_told_without_a_traceback() -> None:
    problem = Problem(Location("rules/x.yml", 3, 7), "unknown key 'patern'", "did you mean 'patterns'?")

    assert explain_error(RuleError([problem])) == str(problem)


def test_mistakes_in_settings_are_told_without_a_traceback() -> None:
    assert explain_error(SettingsError(("a: error: b", "c: error: d"))) == "a: error: b\nc: error: d"


def test_file_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        (tmp_path / "missing").open()

    assert explain_error(caught.value) == f"tailrace: {tmp_path / 'missing'}: No such file or directory"


def test_a_defect_keeps_its_traceback() -> None:
    assert explain_error(KeyError("x")) is None


def run_as_command(body: str) -> str:
    """Word a program that runs `body` as a command of ours."""
    return (
        "import click, pipeline.cli as cli\n"
        "@click.command()\n"
        f"def command(): exec({body!r})\n"
        "cli.LazyGroup.get_command = lambda group, context, name: command\n"
        "cli.main(['command'])"
    )


def test_ctrl_c_ends_with_130() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", run_as_command("import time; print('ready', flush=True); time.sleep(60)")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


WRITES_AT_ONCE = "import click; click.echo('x')"
WRITES_AT_EXIT = "import sys; sys.stdout.write('x')"


@pytest.mark.parametrize("body", [WRITES_AT_ONCE, WRITES_AT_EXIT])
def test_a_reader_that_has_gone_gets_no_complaint(body: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", run_as_command(body)], stdout=write_end, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write_end)

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_group_imports_a_command_only_when_it_is_called() -> None:
    assert isinstance(tailrace, LazyGroup)
    assert tailrace.get_command(click.Context(tailrace), "nothing") is None

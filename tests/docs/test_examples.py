"""Every command and every program in the documentation does what it says."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.settings.schema import list_leaves
from tests.docs.examples import Block, Command, is_output, load_blocks, parse_commands

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ON_SERVERS = [path for path in DOCUMENTS if any(block.needs_servers for block in load_blocks(path))]
ALONE = [path for path in DOCUMENTS if path not in ON_SERVERS]

WORKER_RUNS = "The worker runs"
START_SECONDS = 60


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a document's examples run: a folder that holds the rules, as a reader's clone does."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("document", ALONE, ids=name_of)
def test_the_examples_work(document: Path, folder: Path) -> None:
    run_blocks(load_blocks(document), folder, {})


@pytest.mark.parametrize("document", ON_SERVERS, ids=name_of)
def test_the_examples_work_on_servers(
    document: Path, folder: Path, kafka_server: str, elasticsearch_server: str
) -> None:
    name = f"docs-{uuid.uuid4().hex[:8]}"
    topics = {topic: f"{name}.{topic}" for topic in ("raw", "events", "signals", "bursts", "dead")}
    environment = {
        "TAILRACE_KAFKA_BOOTSTRAP_SERVERS": kafka_server,
        "TAILRACE_KAFKA_GROUP": name,
        "TAILRACE_ELASTICSEARCH_HOSTS": elasticsearch_server,
        "TAILRACE_ELASTICSEARCH_NAMESPACE": name.replace("-", "_"),
        "TAILRACE_ELASTICSEARCH_BURSTS_INDEX": f"{name}-bursts",
        **{f"TAILRACE_KAFKA_TOPICS_{topic.upper()}": full for topic, full in topics.items()},
    }
    run_blocks(load_blocks(document), folder, environment)


def run_blocks(blocks: list[Block], folder: Path, addresses: Mapping[str, str]) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    clean["PYTHONPATH"] = str(folder)
    clean["XDG_STATE_HOME"] = str(folder / "state")  # what runs on this machine beside is not the reader's
    for block in blocks:
        environment = {**clean, **addresses} if block.needs_servers else clean
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body)
        elif block.language == "python":
            run_command(
                Command(f"{sys.executable} -c {quote(block.body)}", ""), block.place, folder, environment
            )
        elif block.language == "console":
            *commands, last = parse_commands(block.body)
            for command in commands:
                run_command(command, block.place, folder, environment)
            run_command(last, block.place, folder, environment, is_worker=block.is_worker)


def quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def run_command(
    command: Command, place: str, folder: Path, environment: Mapping[str, str], *, is_worker: bool = False
) -> None:
    words = command.text.split()
    if words[0] == "make":  # what runs the tests cannot be run by them: the target has to exist
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)
        return
    with (folder / "stdout").open("w+") as stdout, (folder / "stderr").open("w+") as stderr:
        process = subprocess.Popen(
            ["bash", "-c", command.text],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        if is_worker:
            deadline = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if WORKER_RUNS in (folder / "stderr").read_text():
                    break
                time.sleep(0.1)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=120)
    output, errors = (folder / "stdout").read_text(), (folder / "stderr").read_text()

    assert process.returncode == 0, f"{place}: {command.text}\n{output}\n{errors}"
    if command.output:
        assert is_output(command.output, output), (
            f"{place}: {command.text}\nshown:\n{command.output}\ngot:\n{output}"
        )


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/operations.md").read_text().split("## Settings\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)

    assert sorted(rows) == sorted(leaf.path for leaf in list_leaves().values())


def test_links_between_the_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_commands_are_read_with_their_output() -> None:
    body = "$ tailrace parse \\\n    a.log\n{...}\n\n$ ls\n"

    assert parse_commands(body) == [Command("tailrace parse a.log", "{...}\n\n"), Command("ls", "")]


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a ... c", "a b c\n", True),
        ("a ... c", "a b d\n", False),
        ("a\nb", "a  \nb\n\n", True),
        ("a", "a\nb", False),
    ],
)
def test_shown_output_is_compared(expected: str, actual: str, same: bool) -> None:
    assert is_output(expected, actual) is same

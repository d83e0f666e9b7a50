"""The wheel, installed where no source tree is: the command runs and the rules came along as data."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_pins_every_dependency_by_hash_and_names_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    blocks = re.findall(r"^([\w.-]+)==(\S+)(.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+)$", text, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[^\w.-]", dependency)[0].lower() for dependency in project["dependencies"]}

    assert "://" not in text
    assert len(blocks) == len(re.findall(r"^\w", text, re.MULTILINE))
    assert wanted <= {block[0].lower() for block in blocks}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (found,) = folder.glob("tailrace-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; its dependencies are borrowed from the one that runs the tests."""
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(home)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    (packages,) = home.glob("lib/python*/site-packages")
    # The .pth files inside a folder that a .pth file names are not read: the source tree stays off the path.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return home


def run(installed: Path, folder: Path, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "bin" / command[0]), *command[1:]],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_wheel_holds_every_rule(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    rules = {path.relative_to(ROOT / "rules").as_posix() for path in (ROOT / "rules").rglob("*.yml")}
    assert rules
    assert {f"parsers/_rules/{name}" for name in rules} <= names
    assert {"parsers/py.typed", "pipeline/py.typed"} <= names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}

    assert tops == {"parsers", "pipeline", "tailrace-0.1.0.dist-info"}


def test_the_installed_package_is_not_the_source_tree(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "python", "-c", "import parsers, pipeline; print(parsers.__file__)")

    assert done.stderr == ""
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_the_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "tailrace", "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "tailrace demo" in done.stdout


@pytest.mark.parametrize("command", ["check", "test"])
def test_the_shipped_rules_are_in_order(installed: Path, tmp_path: Path, command: str) -> None:
    done = run(installed, tmp_path, "tailrace", "rules", command)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_line_is_parsed_by_a_shipped_rule(installed: Path, tmp_path: Path) -> None:
    line = "Nov  3 10:00:00 web-1 sshd[2211]: Failed password for root from 192.0.2.7 port 50022 ssh2\n"
    done = run(installed, tmp_path, "tailrace", "parse", text=line)

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["event"]["original"] == line.rstrip("\n")
    assert document["source"]["ip"] == "192.0.2.7"
    assert list(tmp_path.iterdir()) == []

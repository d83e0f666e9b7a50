"""The parse core of a git revision beside that of the working tree: the same benchmark over both, in turns.

`python -m bench.against LINES ROUNDS` is the inner side, run once in each tree; it is of no use by hand.
"""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.contender import ENVIRONMENT, build_environment

ROOT = Path(__file__).parent.parent
# What the parse core and the benchmark's lines are made of. The benchmark itself is that of the working tree.
TREES = ("parsers", "pipeline", "rules")
_INNER_ROUNDS = 2


def measure_against(
    revision: str, rounds: int, lines: int, root: Path = ROOT
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Costs in units of the reference, those of the revision and those of the working tree, round by round.

    Raises ValueError when git does not know the revision.
    """
    with tempfile.TemporaryDirectory(prefix="tailrace-bench-") as name:
        earlier = Path(name)
        extract(revision, root, earlier)
        before: dict[str, list[float]] = {}
        now: dict[str, list[float]] = {}
        for _ in range(rounds):
            for tree, costs in ((earlier, before), (root, now)):
                for kind, found in _measure(tree, lines).items():
                    costs.setdefault(kind, []).extend(found)
    return before, now


def extract(revision: str, root: Path, folder: Path, trees: Sequence[str] = TREES) -> None:
    """The sources of a revision, with the benchmark of the working tree. Raises ValueError for an unknown one."""
    archive = subprocess.run(
        ["git", "-C", str(root), "archive", revision, *trees], capture_output=True, check=False
    )
    if archive.returncode:
        raise ValueError(f"git has no {revision}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    shutil.copytree(root / "bench", folder / "bench", ignore=shutil.ignore_patterns("__pycache__", "peers"))


def _measure(tree: Path, lines: int) -> dict[str, list[float]]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.against", str(lines), str(_INNER_ROUNDS)],
        cwd=tree,  # what is in the working directory comes before what is installed
        env=build_environment(ENVIRONMENT),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(f"the benchmark does not run in {tree}:\n{done.stderr[-2000:]}")
    costs: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return costs


def main(lines: int, rounds: int) -> None:
    """Print the costs of all workloads as JSON."""
    from bench.gate import Reference, measure_costs
    from bench.workloads import build_workloads
    from parsers.load import load_rule_set
    from parsers.shipped import shipped_rules_directory

    workloads = build_workloads(load_rule_set(shipped_rules_directory()), lines=lines)
    print(json.dumps(measure_costs(workloads, Reference().run, rounds)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

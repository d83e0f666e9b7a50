"""Environments for the peers that PyPI has: outside the project, one a peer, remade when its requirements change."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HOME = Path(__file__).parent
INSTALLABLE = ("logprep", "quix")
_DONE = "installed"


def locate_environment(peer: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the environment of a peer is or would be: below TAILRACE_PEERS, or the user's cache folder."""
    base = environment.get("TAILRACE_PEERS")
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(base) if base else cache / "tailrace" / "peers"
    digest = hashlib.sha256(_requirements(peer).read_bytes()).hexdigest()[:12]
    return root / f"{peer}-{sys.version_info.major}.{sys.version_info.minor}-{digest}"


def find_missing_environment(peer: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why a peer from PyPI cannot run, None if it can."""
    folder = locate_environment(peer, environment)
    if (folder / _DONE).exists():
        return None
    return f"not installed in {folder}: run python -m bench.peers install"


def install(peer: str) -> Path:
    """Make the environment of a peer unless it is there; its folder. Raises CalledProcessError."""
    folder = locate_environment(peer)
    if not (folder / _DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", "-r", str(_requirements(peer))], check=True)
        (folder / _DONE).touch()
    return folder


def _requirements(peer: str) -> Path:
    return HOME / peer / "requirements.txt"

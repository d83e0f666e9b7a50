"""Where downloads and running servers keep their files, and which servers were left running."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

KEEP_SECONDS = 3 * 24 * 3600


class NotThisWay(Exception):
    """One way to have a server does not work here; the message says why."""


def cache_folder() -> Path:
    """The folder of downloads and of running servers; made if missing, refused if another user owns it."""
    folder = Path(os.environ.get("TAILRACE_TEST_CACHE") or f"/var/tmp/tailrace-test-servers-{os.getuid()}")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise NotThisWay(
            f"{folder} belongs to another user; name a folder of your own in TAILRACE_TEST_CACHE"
        )
    return folder


def fetch(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the cached folder `name`; the first caller fills it, others wait. A failure leaves nothing."""
    folder = cache_folder() / name
    with hold_lock(cache_folder() / f"{name}.lock"):
        if not folder.exists():
            partial = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache_folder()))
            try:
                fill(partial)
                partial.chmod(0o755)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_work_folder(name: str) -> Path:
    for left in cache_folder().glob("run-*"):  # of failed runs, kept for a look, and of killed ones
        if time.time() - left.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{name}-", dir=cache_folder()))
    folder.chmod(0o755)
    return folder


def read_state() -> dict[str, dict[str, str]]:
    try:
        state: dict[str, dict[str, str]] = json.loads((cache_folder() / "running.json").read_text())
    except FileNotFoundError:
        return {}
    return state


def note_running(name: str, address: str, pid: int, work: Path) -> None:
    """Remember a server that outlives this process."""
    write_state({**read_state(), name: {"address": address, "pid": str(pid), "work": str(work)}})


def write_state(state: Mapping[str, Mapping[str, object]]) -> None:
    (cache_folder() / "running.json").write_text(json.dumps(state))

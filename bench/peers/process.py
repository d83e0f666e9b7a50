"""Runs a tool on one core and tells what it cost."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.contender import build_environment
from bench.peers.port import Measurement, PeerError

_POLL_SECONDS = 0.05
# A tool that has used no CPU for so long has nothing left to do, whatever it has written.
_IDLE_SECONDS = 6.0
_STOP_SECONDS = 30.0
_LIMIT_SECONDS = 600.0


def run_process(
    command: Sequence[str],
    folder: Path,
    core: int,
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
    environment: Mapping[str, str] | None = None,
    is_complete: Callable[[], bool] | None = None,
) -> Measurement:
    """Run `command` in `folder`, pinned to `core`, to its end.

    A tool that never ends by itself gets SIGTERM as soon as `is_complete` says so, or has had nothing to do for
    a while. CPU seconds are the kernel's for the process and the children it waited for. Raises PeerError when the
    exit code is not 0 (or the signal's), or after ten minutes.
    """
    with ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile())
        source = stack.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
        target = stack.enter_context(stdout.open("wb")) if stdout else errors
        began = time.perf_counter()
        with _pinned(core):
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=build_environment(environment or {}),
                stdin=source,
                stdout=target,
                stderr=errors,
                start_new_session=True,
            )
        try:
            code, cpu, peak_mb = _wait(process, is_complete)
        finally:
            _end_session(process.pid)
        seconds = time.perf_counter() - began
        if code not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            errors.seek(0)
            raise PeerError(
                f"{command[0]}: exit code {code}\n{errors.read()[-3000:].decode(errors='replace')}"
            )
    return Measurement(cpu, seconds, peak_mb)


def count_lines_of(path: Path) -> Callable[[], int]:
    """A function that counts the lines of a file that grows, reading every byte once."""
    counted = offset = 0

    def count() -> int:
        nonlocal counted, offset
        if path.exists():
            with path.open("rb") as file:
                file.seek(offset)
                while block := file.read(1 << 20):
                    counted += block.count(b"\n")
                    offset += len(block)
        return counted

    return count


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    """A child takes over its parent's cores."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _wait(
    process: "subprocess.Popen[bytes]", is_complete: Callable[[], bool] | None
) -> tuple[int, float, float]:
    began = busy = time.monotonic()
    stopped: float | None = None
    used, peak_mb = 0, 0.0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime, peak_mb
        now = time.monotonic()
        ticks, resident = _look(process.pid)
        peak_mb = max(peak_mb, resident)
        if ticks != used:
            used, busy = ticks, now
        if stopped is None and is_complete is not None and (is_complete() or now - busy > _IDLE_SECONDS):
            os.kill(process.pid, signal.SIGTERM)
            stopped = now
        if now - began > _LIMIT_SECONDS or (stopped is not None and now - stopped > _STOP_SECONDS):
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _look(session: int) -> tuple[int, float]:
    """CPU ticks and the most MB resident of all processes of a session; zeros where there is no /proc."""
    ticks, resident = 0, 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) != session:
                continue
            ticks += int(fields[11]) + int(fields[12])
            resident += int((folder / "status").read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
        except (OSError, IndexError):  # it has just ended
            continue
    return ticks, resident


def _end_session(session: int) -> None:
    """End what a tool left behind."""
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return

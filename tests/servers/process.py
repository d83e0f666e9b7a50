"""Start a server's process, wait until it answers, and end it, even when we are killed first."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.folders import NotThisWay, note_running

START_SECONDS = 120
GUARDED = """
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill "$child"; } 2>/dev/null &
exec 3<&-
wait "$child"
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers at `address`.

    `stop` ends it, and does nothing for one that was found running; `work` holds its log and its data.
    """

    address: str
    stop: Callable[[], None] = lambda: None
    work: Path | None = None


def serve(
    name: str,
    command: Sequence[str],
    work: Path,
    address: str,
    is_ready: Callable[[str], bool],
    *,
    keep: bool,
    user: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Start a command in its own session and wait until it answers; its output goes to `work`/NAME.log."""
    log = work / f"{name}.log"
    arguments = list(command) if keep else ["sh", "-c", GUARDED, name, *command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=work,
            env=environment,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            start_new_session=True,  # Ctrl-C is for the tests; they stop their servers themselves
        )
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(address):
        if process.poll() is not None or time.monotonic() > deadline:
            stop_process(process)
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise NotThisWay(f"{name} did not start; the end of {log}:\n{tail}")
        time.sleep(0.2)
    if keep:
        note_running(name, address, process.pid, work)
        return Server(address, work=work)
    return Server(address, lambda: stop_process(process), work)


def stop_process(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    else:
        process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_listening(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def is_healthy(url: str) -> bool:
    with (
        contextlib.suppress(OSError),  # URLError and a broken connection are OSErrors too
        urllib.request.urlopen(
            f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5
        ) as answer,
    ):
        return bool(answer.status == 200)
    return False


def find_free_ports(count: int) -> list[int]:
    """Ask the system for ports that are free now; all at once, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def run(command: Sequence[str], *, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise NotThisWay(f"{command[0]} ended with {done.returncode}:\n{tail}")

"""`python -m tests.servers up` starts both servers and leaves them running; `down` stops them."""

import contextlib
import os
import shutil
import signal
import sys
import time

from tests.servers import ELASTICSEARCH, KAFKA, Unavailable, find_or_start
from tests.servers.folders import read_state, write_state


def up() -> int:
    """Start what is not running and print how to point other programs at it."""
    code = 0
    for kind in (KAFKA, ELASTICSEARCH):
        try:
            server = find_or_start(kind, keep=True)
        except Unavailable as reasons:
            print(f"{kind.name}: not started\n{reasons}", file=sys.stderr)
            code = 1
        else:
            print(f"export {kind.variable}={server.address}")
    return code


def down() -> int:
    """Stop what `up` started and remove its data."""
    for name, server in read_state().items():
        pid = int(server["pid"])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
            for _ in range(100):
                os.killpg(pid, 0)
                time.sleep(0.2)
            os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(server["work"], ignore_errors=True)
        print(f"{name}: stopped")
    write_state({})
    return 0


if __name__ == "__main__":
    actions = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit("usage: python -m tests.servers up|down")
    sys.exit(actions[sys.argv[1]]())

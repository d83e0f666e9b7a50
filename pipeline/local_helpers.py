"""Starts the processes that share a local run: first of all, before anything large is imported, so that nobody waits.

`local_worker.py` is what they do, `local_crew.py` what they are given.
"""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final

from pipeline.local_worker import EngineSource, serve

LEAVE_SECONDS: Final = 5.0
# The most that Linux lets any user have (/proc/sys/fs/pipe-max-size): fewer turns for a batch to come over.
_PIPE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Helper:
    """A process, the pipe for its batches, and the one for its answers."""

    process: SpawnProcess
    batches: Connection
    answers: Connection


@contextlib.contextmanager
def start_helpers(count: int, source: EngineSource) -> Iterator[list[Helper]]:
    """Start `count` helpers, which load their rules meanwhile; they end with the block, whatever happens there."""
    context = get_context("spawn")
    helpers: list[Helper] = []
    try:
        for _ in range(count):
            read_batches, batches = context.Pipe(duplex=False)
            _widen_pipe(batches)
            answers, write_answers = context.Pipe(duplex=False)
            arguments = (read_batches, write_answers, source, count + 1)
            process = context.Process(target=serve, args=arguments, daemon=True)
            process.start()
            # Only the helper may hold its ends: else nobody would hear that it is gone.
            read_batches.close()
            write_answers.close()
            helpers.append(Helper(process, batches, answers))
        yield helpers
    finally:
        for helper in helpers:
            helper.batches.close()
            helper.answers.close()
        for helper in helpers:
            helper.process.join(LEAVE_SECONDS)
            if helper.process.is_alive():
                helper.process.terminate()
                helper.process.join()


def _widen_pipe(connection: Connection) -> None:
    """Let a pipe hold more, where the system can and this user may; else it stays as it is."""
    if sys.platform != "linux":
        return
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.fcntl(connection.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

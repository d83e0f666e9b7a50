"""Runs several workers as processes of their own: starts them, starts again what died, ends them together."""

import asyncio
import os
import signal
from dataclasses import dataclass
from typing import Final

from loguru import logger

_THREADS: Final = "POLARS_MAX_THREADS"
UNABLE: Final = 1
# How a worker ends that was told to, also before it could listen to that.
_AS_ASKED: Final = (0, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, 128 + signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: `command` with `--number 1` to `--number processes` behind it, each with so many Polars `threads`.

    After a signal the workers have `grace` seconds before they are killed. A worker that ends within `sound_after`
    seconds could not start; after `attempts` such ends in a row the supervisor gives up. Before each new start it waits
    `pause` seconds, twice as long each time up to `longest_pause`.
    """

    command: tuple[str, ...]
    processes: int
    threads: int
    grace: float = 9.8
    log_level: str = "info"
    log_json: bool = False
    attempts: int = 5
    sound_after: float = 10.0
    pause: float = 0.5
    longest_pause: float = 15.0


async def supervise(plan: Plan, stopping: asyncio.Event) -> int:
    """Run the workers until `stopping` is set, then end them; the exit code: 0, or UNABLE when a worker cannot start.

    UNABLE too when a worker did not end by itself, or badly.
    """
    logger.info("Starting {} workers with {} Polars threads each", plan.processes, plan.threads)
    members = [_Member(plan, number, stopping) for number in range(1, plan.processes + 1)]
    codes = await asyncio.gather(*(member.run() for member in members))
    logger.info("All workers have ended")
    return max(codes)


class _Member:
    """One of the workers, through all the processes that it is in turn."""

    def __init__(self, plan: Plan, number: int, stopping: asyncio.Event) -> None:
        self._plan, self._number, self._stopping = plan, number, stopping

    async def run(self) -> int:
        """Start it as often as needed. Its failure ends the others as well."""
        plan, failures, pause = self._plan, 0, self._plan.pause
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            end = await self._run_once()
            if end is None:
                return 0
            if self._stopping.is_set():
                logger.error("Worker {} ended with {}", self._number, end)
                return UNABLE
            lasted = loop.time() - began
            if lasted >= plan.sound_after:
                failures, pause = 0, plan.pause
            failures += lasted < plan.sound_after
            if failures >= plan.attempts:
                self._give_up(end)
                return UNABLE
            logger.error(
                "Worker {} has died after {:.1f} s with {}; it is started again in {:g} s",
                self._number,
                lasted,
                end,
                pause,
            )
            if await wait_for(self._stopping, pause):
                return 0
            pause = min(2 * pause, plan.longest_pause)

    async def _run_once(self) -> str | None:
        """Start it and wait for its end: in words, or None for one that was asked for."""
        try:
            process = await self._start()
        except OSError as error:
            return f"no process: {error}"
        code = await self._watch(process)
        return None if self._stopping.is_set() and code in _AS_ASKED else describe_end(code)

    def _give_up(self, end: str) -> None:
        logger.error(
            "Giving up, worker {} cannot start: {} times in a row it ended within {:g} s, at last with {}; what it said"
            " stands above",
            self._number,
            self._plan.attempts,
            self._plan.sound_after,
            end,
        )
        self._stopping.set()

    async def _start(self) -> asyncio.subprocess.Process:
        plan = self._plan
        environ = {_THREADS: str(plan.threads), **os.environ}
        # The pipe is the worker's life line: its end says that the supervisor is gone.
        process = await asyncio.create_subprocess_exec(
            *plan.command, "--number", str(self._number), stdin=asyncio.subprocess.PIPE, env=environ
        )
        logger.info("Worker {} has the pid {}", self._number, process.pid)
        return process

    async def _watch(self, process: asyncio.subprocess.Process) -> int:
        """The exit code. When all are to stop, the process is asked to, and killed when it takes too long."""
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ended.done():
            _send(process, signal.SIGTERM)
            await asyncio.wait({ended}, timeout=self._plan.grace)
        if not ended.done():
            logger.warning(
                "Worker {} did not end within {:g} s and is killed; what was not committed is repeated",
                self._number,
                self._plan.grace,
            )
            _send(process, signal.SIGKILL)
        return await ended


def describe_end(code: int) -> str:
    """An exit code in words; a negative one is the signal that killed the process."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", perhaps by the kernel for want of memory" if -code == signal.SIGKILL else ""
    return f"{name}{hint}"


async def wait_for(stopping: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set within so many seconds."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)

"""What tells a process to end: signals, and the life line to who started it."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

# A hang-up among them: the terminal or the session is gone.
_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def handle_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[signal.Signals], None]) -> None:
    """Call `stop` for each of the signals that end us. A hang-up that is ignored, as under `nohup`, stays ignored."""
    for number in _ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)


def watch_life_line(loop: asyncio.AbstractEventLoop, descriptor: int, stop: Callable[[], None]) -> None:
    """Call `stop` when the other end of a pipe, of which `descriptor` is the reading end, is closed."""

    def look() -> None:
        if not os.read(descriptor, 1):
            loop.remove_reader(descriptor)
            stop()

    loop.add_reader(descriptor, look)

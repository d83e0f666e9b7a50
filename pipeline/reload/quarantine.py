"""Switches off, alone, rules that take too long on live lines."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

from loguru import logger

from parsers.frames import ParsedBatch
from parsers.quarantine import LINES, TIMEOUTS, TimeoutWatch

Isolate: TypeAlias = Callable[[frozenset[str]], None]
"""Goes on without the rules of these names: all that are switched off by now."""


class Quarantine:
    """Counts the lines that rules gave up. Thread-safe.

    A rule that gave up more than `TIMEOUTS` of the last `LINES` lines takes no further line until the rules change:
    lines that may be its own are tagged `_timeout` and kept whole.
    """

    def __init__(self, isolate: Isolate) -> None:
        self._isolate = isolate
        self._watch = TimeoutWatch()
        self._stopped: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, batch: ParsedBatch) -> None:
        """Count a parsed batch, and switch off the rules that are over the limit now."""
        if not batch.timeouts:
            return
        with self._lock:
            found = self._watch.count(batch) - self._stopped.keys()
            if not found:
                return
            reason = f"it gave up more than {TIMEOUTS} of {LINES:,} lines; `tailrace rules lint` may say why"
            self._stopped.update(dict.fromkeys(sorted(found), reason))
            self._isolate(frozenset(self._stopped))
        for rule in sorted(found):
            logger.error("Rule {} is switched off until the rules change: {}", rule, reason)

    def reset(self) -> None:
        """New rules are in force: every rule of theirs may work."""
        with self._lock:
            self._watch = TimeoutWatch()
            self._stopped.clear()

    def read(self) -> Mapping[str, str]:
        """The rules that are switched off, each with the reason."""
        with self._lock:
            return dict(self._stopped)

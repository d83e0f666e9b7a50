"""Counts what the rules do on live lines."""

import threading
from collections import Counter
from collections.abc import Collection, Mapping

from parsers.frames import ParsedBatch


class RuleCounts:
    """Events by rule since the process began; those that no rule took count under an empty name. Thread-safe."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, batch: ParsedBatch, names: Collection[str] | None = None) -> None:
        """Count a parsed batch; with `names`, only what those rules took."""
        with self._lock:
            for block in batch.blocks:
                if names is None or block.rule in names:
                    self._events[block.rule or ""] += block.frame.height

    def read(self) -> Mapping[str, int]:
        """The counts so far, the largest first."""
        with self._lock:
            return dict(self._events.most_common())

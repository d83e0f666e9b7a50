"""Holds what is exchanged while a process runs."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Held = TypeVar("Held")


class Live(Generic[Held]):
    """A value that another thread may exchange. Who works on a batch reads it once, and so never sees two of them."""

    def __init__(self, value: Held) -> None:
        self._value = value
        self._lock = threading.Lock()

    def read(self) -> Held:
        """The value in force."""
        return self._value

    def swap(self, value: Held) -> None:
        """Put another value in force, from the next reading on."""
        with self._lock:
            self._value = value

    def update(self, change: Callable[[Held], Held]) -> None:
        """Put in force what `change` makes of the value in force; nobody exchanges it meanwhile."""
        with self._lock:
            self._value = change(self._value)

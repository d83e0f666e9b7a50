"""Waiting for a server that takes no documents: longer each time, told once in a while, ended by `stop`."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from loguru import logger


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: the first pause, the longest one (each is twice the one before), and between two log lines."""

    first: float = 0.25
    longest: float = 30.0
    tell_every: float = 30.0

    def choose_pause(self, attempt: int, chance: float) -> float:
        """The pause after an attempt (from 0); `chance` in [0, 1) spreads it between half and whole."""
        return min(self.longest, self.first * 2.0 ** min(attempt, 32)) * (0.5 + chance / 2)


@final
class Waiting:
    """Who waits for the server: shared by all requests of a sink, so that the log speaks for all of them."""

    def __init__(
        self,
        patience: Patience,
        stop: asyncio.Event,
        monotonic: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._patience = patience
        self._stop = stop
        self._monotonic = monotonic
        self._chance = chance
        self._waiting: dict[object, int] = {}
        self._since: float | None = None
        self._told: float | None = None

    async def pause(self, who: object, attempt: int, documents: int, reason: str) -> None:
        """Note that `documents` of `who` wait, say so when it is time, and sleep, at most until `stop`."""
        now = self._monotonic()
        self._waiting[who] = documents
        self._since = now if self._since is None else self._since
        if self._told is None or now - self._told >= self._patience.tell_every:
            self._told = now
            logger.warning(
                "Elasticsearch does not take documents ({}). {} documents wait, for {:.0f} s now; retrying.",
                reason,
                sum(self._waiting.values()),
                now - self._since,
            )
        seconds = self._patience.choose_pause(attempt, self._chance())
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    def end(self, who: object) -> None:
        """Note that `who` waits no more."""
        self._waiting.pop(who, None)
        if not self._waiting and self._since is not None:
            if not self._stop.is_set():
                logger.info(
                    "Elasticsearch takes documents again, after {:.0f} s.", self._monotonic() - self._since
                )
            self._since = self._told = None

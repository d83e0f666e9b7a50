"""How far each raw partition has got in event time, told to those who count windows."""

import asyncio
from collections.abc import Mapping
from typing import Final

import polars as pl

from pipeline.agents.ports import Ports
from pipeline.kafka.ledger import Assignment
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.signal_codec import encode_signals, split_signals
from pipeline.stages.watermark import PartitionClock, Progress

# A partition that has long been silent has told all that there is to tell; now and then is enough for newcomers.
_RARELY_MS: Final = 60_000


class Clocks:
    """The clocks of the raw partitions that this process reads.

    `send` keeps the order of a partition's signals: each record is acknowledged before the next one is sent, for
    a watermark that overtakes its own signals would make them late.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._clocks: dict[int, PartitionClock] = {}
        self._orders: dict[int, asyncio.Lock] = {}
        self._silent_since: dict[int, int] = {}
        self._sent_at: dict[int, int] = {}
        longest = max((rule.timeframe + rule.grace for rule in ports.burst_rules), default=0)
        self._patience = int(ports.settings.bursts.idle * 1000) + longest + _RARELY_MS

    def assign(self, partitions: Mapping[int, Assignment]) -> None:
        """These partitions are read from now on, from what was committed."""
        idle = int(self._ports.settings.bursts.idle * 1000)
        self._silent_since.clear()
        self._sent_at.clear()
        self._orders = {number: asyncio.Lock() for number in partitions}
        self._clocks = {
            number: PartitionClock(
                number, number + 1, idle, found.committed.metadata if found.committed else ""
            )
            for number, found in partitions.items()
        }

    def order(self, partition: int) -> asyncio.Lock:
        """Held while signals of the partition are sent."""
        return self._orders.setdefault(partition, asyncio.Lock())

    def observe(
        self, partition: int, newest: int | None, recorded: int | None
    ) -> tuple[Progress | None, str]:
        """Events were parsed (see `find_newest`): the progress to send, and the clock's state for the commit."""
        clock = self._clocks.get(partition)
        if clock is None:
            return None, ""
        self._silent_since.pop(partition, None)
        return clock.observe(newest, self._ports.now(), recorded), clock.dump()

    def wait(self, partition: int) -> Progress | None:
        """Nothing is left to read: the progress to send, or None if there is nothing worth telling."""
        clock, now = self._clocks.get(partition), self._ports.now()
        if clock is None:
            return None
        since = self._silent_since.setdefault(partition, now)
        progress = clock.wait(now)
        if now - since > self._patience and now - self._sent_at.get(partition, 0) < _RARELY_MS:
            return None
        self._sent_at[partition] = now
        return progress

    def partitions(self) -> tuple[int, ...]:
        """The raw partitions read here."""
        return tuple(self._clocks)

    async def send(self, progress: Progress, signals: pl.DataFrame | None = None) -> None:
        """Send signals, one record to each partition of the signals topic; returns when they are acknowledged."""
        topics, producer = self._ports.settings.kafka.topics, self._ports.producer
        rows = pl.DataFrame(schema=SIGNAL_SCHEMA) if signals is None else signals
        count = await producer.partitions(topics.raw)
        progress = Progress(
            progress.partition, max(count, progress.partitions), progress.watermark, progress.idle
        )
        parts = split_signals(rows, await producer.partitions(topics.signals))
        now = self._ports.now()
        await asyncio.gather(
            *(
                producer.send(topics.signals, [encode_signals(progress, part)], None, [now], number)
                for number, part in enumerate(parts)
            )
        )

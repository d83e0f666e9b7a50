"""How far each raw partition has got in event time, told to those who count windows."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from pipeline.agents.ports import Ports
from pipeline.kafka.ledger import Assignment
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.signal_codec import encode_signals, split_signals
from pipeline.stages.watermark import PartitionClock, Progress

# A partition that has long been silent has told all that there is to tell; now and then is enough for newcomers.
_RARELY_MS: Final = 60_000
# Progress without signals is a record to every partition of the signals topic, each of which is read again: 4 ms of CPU
# for six. Windows last for seconds and close as well a little later.
_HELD_MS: Final = 250


class Clocks:
    """The clocks of the raw partitions that this process reads.

    `turn` is held while signals are sent: each is acknowledged before the next one is sent, for a watermark that
    overtakes its own signals would make them late.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._clocks: dict[int, PartitionClock] = {}
        self.turn = asyncio.Lock()
        self._silent_since: dict[int, int] = {}
        self._sent_at: dict[int, int] = {}
        self._held: dict[int, Progress] = {}
        self._told_at: int | None = None
        longest = max((rule.timeframe + rule.grace for rule in ports.burst_rules), default=0)
        self._patience = int(ports.settings.bursts.idle * 1000) + longest + _RARELY_MS

    def assign(self, partitions: Mapping[int, Assignment]) -> None:
        """These partitions are read from now on, from what was committed."""
        idle = int(self._ports.settings.bursts.idle * 1000)
        self._silent_since.clear()
        self._sent_at.clear()
        self._held.clear()
        self._told_at = None
        self._clocks = {
            number: PartitionClock(
                number, number + 1, idle, found.committed.metadata if found.committed else ""
            )
            for number, found in partitions.items()
        }

    def observe(self, partition: int, newest: int | None, recorded: int | None) -> str:
        """Events were parsed (see `find_newest`): the clock's state for the commit; `take` has the progress."""
        clock = self._clocks.get(partition)
        if clock is None:
            return ""
        if self._silent_since.pop(partition, None) is not None:
            self._told_at = None  # it counted as silent, so that windows do not wait for it
        self._held[partition] = clock.observe(newest, self._ports.now(), recorded)
        return clock.dump()

    def take(self, has_signals: bool) -> tuple[Progress, ...]:
        """The progress to send after `observe`: of all partitions that moved on, or of none if that can wait a little.

        With signals it cannot. What is still held when the partition falls silent, or the process ends, is told by
        `wait`, here or in the process that has the partition next.
        """
        now = self._ports.now()
        if not has_signals and self._told_at is not None and 0 <= now - self._told_at < _HELD_MS:
            return ()
        held = tuple(self._held.values())
        self._held.clear()
        self._told_at = now
        return held

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
        self._held.pop(partition, None)
        return progress

    def partitions(self) -> tuple[int, ...]:
        """The raw partitions read here."""
        return tuple(self._clocks)

    async def send(self, progresses: Sequence[Progress], signals: pl.DataFrame | None = None) -> None:
        """Send signals before the progress of partitions, at least one, to every partition of the signals topic.

        Returns when they are acknowledged.
        """
        topics, producer = self._ports.settings.kafka.topics, self._ports.producer
        count = await producer.partitions(topics.raw)
        told = [
            Progress(each.partition, max(count, each.partitions), each.watermark, each.idle)
            for each in progresses
        ]
        rows = pl.DataFrame(schema=SIGNAL_SCHEMA) if signals is None else signals
        parts = split_signals(rows, await producer.partitions(topics.signals))
        times = [self._ports.now()] * len(told)
        await asyncio.gather(
            *(
                producer.send(topics.signals, encode_progresses(told, part), None, times, number)
                for number, part in enumerate(parts)
            )
        )


def encode_progresses(progresses: Sequence[Progress], signals: pl.DataFrame) -> list[bytes]:
    """One record for the progress of each partition; the first holds the signals of all of them.

    So every signal comes before the progress of its own partition, which might close the signal's window.
    """
    return [
        encode_signals(progress, signals if index == 0 else signals.clear())
        for index, progress in enumerate(progresses)
    ]

"""Gathers what waits into groups, as large as the load makes them, and runs a handler on each.

A group begins as soon as there is room for it and takes all that has come by then. So a line that comes alone is
handled at once, and under load the groups grow until their fixed cost no longer counts. In between, where lines come
steadily but few, a pause after each small group keeps that cost from filling a core.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pipeline.agents.work import Work
from pipeline.kafka.ledger import Delivery, Ledger, Partition
from pipeline.kafka.producer import ProducerStopped

Handler: TypeAlias = Callable[[Sequence[Work]], Awaitable[Awaitable[None] | None]]
"""Handles a group; what it returns, if anything, is still to be done for it while the next group is handled."""

# Seconds.
_LONGEST_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a group may get: at most so many records and about so many bytes, but one batch at least.

    `at_once`: so many groups are handled side by side, but more than `freely` only when `beside` records wait;
    `unfinished`: of so many there may be something left to do. `is_ordered`: of a partition, one group after the other.
    As long as fewer than `enough` records wait, they go on waiting after a group, `pause` times as long as that took;
    `short_pause` times if it had `many` records, and something in between if it had fewer.
    """

    records: int
    bytes: int
    at_once: int
    unfinished: int
    is_ordered: bool = True
    freely: int = 1
    beside: int = 0
    enough: int = 0
    pause: float = 0.0
    short_pause: float = 0.0
    many: int = 1

    def choose_pause(self, records: int) -> float:
        """How long to wait after a group of so many records, as a multiple of the time that it took."""
        return self.pause + min(1.0, records / self.many) * (self.short_pause - self.pause)


class Gatherer:
    """The batches that an agent has taken. An error of the handler goes to `fail`; the group is not acknowledged."""

    def __init__(
        self,
        ledger: Ledger,
        handle: Handler,
        fail: Callable[[BaseException], Awaitable[None]],
        bounds: Bounds,
    ) -> None:
        self._ledger, self._handle, self._fail, self._bounds = ledger, handle, fail, bounds
        self._waiting: deque[Any] = deque()
        self._busy: set[Partition] = set()
        self._running = 0
        self._unfinished = 0
        self._records = 0
        self._rested_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._has_ended = False
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, event: Any) -> None:
        """Take a batch."""
        self._waiting.append(event)
        self._records += len(event.message.delivery.batch)
        self._wake()

    def _wake(self) -> None:
        while self._may_begin():
            works = self._take()
            if not works:
                return
            self._running += 1
            self._unfinished += 1
            self._busy.update(work.partition for work in works)
            self._spawn(self._run(works))

    def _may_begin(self) -> bool:
        bounds = self._bounds
        if self._has_ended or not self._waiting:
            return False
        if self._running >= bounds.at_once or self._unfinished >= bounds.unfinished:
            return False
        if self._running >= bounds.freely:
            return self._records >= bounds.beside
        if self._records >= bounds.enough:
            return True
        loop = asyncio.get_running_loop()
        if loop.time() >= self._rested_at:
            return True
        if self._alarm is None:
            self._alarm = loop.call_at(self._rested_at, self._end_pause)
        return False

    def _end_pause(self) -> None:
        self._alarm = None
        self._wake()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self) -> list[Work]:
        """What may be handled now, in the order in which it came; the rest goes on waiting."""
        bounds, records, size = self._bounds, 0, 0
        taken: dict[Partition, list[Any]] = {}
        left: deque[Any] = deque()
        held = set(self._busy) if bounds.is_ordered else set()
        is_full = False
        while self._waiting and not is_full:
            event = self._waiting.popleft()
            delivery: Delivery = event.message.delivery
            if not self._ledger.is_current(delivery):
                self._records -= len(delivery.batch)
                continue
            partition, batch = delivery.partition, delivery.batch
            before = taken.get(partition)
            if partition in held or (before and not _follows(before[-1].message.delivery, delivery)):
                held.add(partition)
                left.append(event)
                continue
            is_full = bool(taken) and (
                records + len(batch) > bounds.records or size + batch.size > bounds.bytes
            )
            if is_full:
                left.append(event)
                break
            taken.setdefault(partition, []).append(event)
            records, size = records + len(batch), size + batch.size
        self._waiting.extendleft(reversed(left))
        self._records -= records
        return [Work(events, self._ledger) for events in taken.values()]

    async def _run(self, works: Sequence[Work]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        # The partitions may have been taken away since.
        current = [work for work in works if work.is_current]
        rest = await self._handle(current) if current else None
        ended = loop.time()
        pause = self._bounds.choose_pause(sum(len(work.batch) for work in works))
        self._rested_at = ended + min(pause * (ended - began), _LONGEST_PAUSE)
        self._busy.difference_update(work.partition for work in works)
        self._running -= 1
        self._spawn(self._finish(rest))
        self._wake()

    async def _finish(self, rest: Awaitable[None] | None) -> None:
        if rest is not None:
            await rest
        self._unfinished -= 1
        self._wake()

    async def _guard(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ProducerStopped:
            return  # the process ends; what is not acknowledged is read again
        except Exception as error:
            # What comes later must not be done before what has failed is read again.
            self._has_ended = True
            await self._fail(error)

    async def close(self) -> None:
        """Cancel what is not done."""
        self._has_ended = True
        self._waiting.clear()
        if self._alarm is not None:
            self._alarm.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _follows(before: Delivery, delivery: Delivery) -> bool:
    return before.epoch == delivery.epoch and before.batch.next_offset == delivery.batch.first_offset


@asynccontextmanager
async def open_gatherer(app: Any, handle: Handler, bounds: Bounds) -> AsyncIterator[Gatherer]:
    """A gatherer for an agent of `app`. An unexpected error crashes the app, and the worker starts it anew."""
    gatherer = Gatherer(app.ledger, handle, app.crash, bounds)
    try:
        yield gatherer
    finally:
        await gatherer.close()

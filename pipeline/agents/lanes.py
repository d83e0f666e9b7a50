"""Runs a handler on batches: those of one partition one after the other, partitions side by side."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from pipeline.kafka.ledger import Delivery, Ledger
from pipeline.kafka.producer import ProducerStopped

Handler: TypeAlias = Callable[["Work"], Awaitable[None]]


class Work:
    """A batch that an agent has taken, with the two ways to be done with it."""

    def __init__(self, event: Any, ledger: Ledger) -> None:
        self.delivery: Delivery = event.message.delivery
        self.batch = self.delivery.batch
        self._event = event
        self._ledger = ledger

    @property
    def is_current(self) -> bool:
        """Whether the partition is still with this process; if not, another one has the batch too."""
        return self._ledger.is_current(self.delivery)

    def done(self, metadata: str = "") -> None:
        """All that came of the batch is safe. `metadata` goes into the commit of its offsets."""
        self.delivery.metadata = metadata
        self._event.ack()

    def give_up(self) -> None:
        """Nothing more happens to the batch here: its offsets are not committed, and it is read again later."""
        self._ledger.withdraw(self.delivery)


class Lanes:
    """The batches that an agent has taken. An error of the handler goes to `fail`; the batch is not acknowledged."""

    def __init__(
        self, ledger: Ledger, handle: Handler, fail: Callable[[BaseException], Awaitable[None]]
    ) -> None:
        self._ledger, self._handle, self._fail = ledger, handle, fail
        self._queues: dict[Hashable, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, event: Any) -> None:
        """Take a batch; its turn comes when those of its partition that were taken before are handled."""
        work = Work(event, self._ledger)
        queue = self._queues.get(work.delivery.partition)
        if queue is not None:
            queue.append(work)
            return
        self._queues[work.delivery.partition] = deque([work])
        self.spawn(self._run(work.delivery.partition))

    def spawn(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        """Run something beside the lanes that ends with them; its errors go to `fail` as well."""
        task = asyncio.ensure_future(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, partition: Hashable) -> None:
        queue = self._queues[partition]
        try:
            while queue:
                work = queue.popleft()
                if work.is_current:
                    await self._handle(work)
        finally:
            del self._queues[partition]

    async def _guard(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ProducerStopped:
            return  # the process ends; what is not acknowledged is read again
        except Exception as error:
            await self._fail(error)

    async def close(self) -> None:
        """Cancel what is not done."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def open_lanes(app: Any, handle: Callable[[Lanes], Handler]) -> AsyncIterator[Lanes]:
    """Lanes for an agent of `app`. An unexpected error crashes the app, and the worker starts it anew."""
    lanes: Lanes

    async def run(work: Work) -> None:
        await handle(lanes)(work)

    lanes = Lanes(app.ledger, run, app.crash)
    try:
        yield lanes
    finally:
        await lanes.close()

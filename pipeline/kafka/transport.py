"""A Faust transport that hands record batches of our topics to the agents, and keeps their offsets itself.

Below the stream Faust spends two tasks and a dozen objects on every message; one message that is a whole batch makes
that cost vanish. Topics that are not ours (changelogs, replies, the users' own) pass through unchanged, record by
record. What of Faust had to be worked around is told where it is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import faust
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.conductor import Conductor as FaustConductor
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from loguru import logger
from mode import Service

from pipeline.kafka.ledger import Delivery, Ledger
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.records import RecordBatch
from pipeline.kafka.thread import BatchConsumerThread
from pipeline.kafka.tracker import Commit

SCHEME: Final = "tailrace+kafka"


class BatchMessage(ConsumerMessage):
    """A record batch on its way through Faust.

    Faust's compiled stream does not call `Consumer.ack` for the last acknowledgement, it inlines it; but it does set
    `acked`, and so does every other way of acknowledging. Hence the property.
    """

    __slots__ = ("_acked", "delivery", "ledger")

    def __init__(
        self, partition: TP, batch: RecordBatch, generation: int, ledger: Ledger, delivery: Delivery
    ) -> None:
        self.ledger, self.delivery = ledger, delivery
        super().__init__(
            batch.topic,
            batch.partition,
            batch.first_offset,
            batch.timestamps[-1] / 1000.0,
            0,
            (),
            None,
            batch,
            None,
            0,
            batch.size,
            partition,
            generation_id=generation,
        )

    @property
    def acked(self) -> bool:
        """Whether every agent that got the batch has acknowledged it."""
        return self._acked

    @acked.setter
    def acked(self, value: bool) -> None:
        self._acked = value
        if value:
            self.ledger.release(self.delivery)


class Conductor(FaustConductor):
    """Keeps our topics out of Faust's own bookkeeping of offsets, whatever an agent's topic says."""

    async def _update_indices(self) -> Iterable[str]:
        topics: Iterable[str] = await super()._update_indices()
        self._acking_topics -= self.app.ledger.options.topics
        return topics


class Consumer(driver.Consumer):
    """Faust's consumer, whose `getmany` yields one message for each batch of our topics."""

    mundane_level = "debug"
    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ledger: Ledger = self.app.ledger
        self.options: BatchOptions = self.ledger.options
        self.ledger.on_credit(self._offer_credit)
        self._committing = asyncio.Lock()
        self._credit = asyncio.Event()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def is_ours(self, partition: TP) -> bool:
        """Whether the partition's records come as batches."""
        return partition.topic in self.options.topics

    # Fetching.

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield the batches and the messages that are there, waiting up to `timeout` seconds for the first."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        generation = self.app.consumer_generation_id
        active = set(self._get_active_partitions())
        ours = {partition for partition in active if self.is_ours(partition)}
        others = active - ours
        if not active:
            await self.sleep(min(timeout, 0.1))
            return
        self._credit.clear()
        allowance = self.ledger.allowance(ours)
        if not others and not allowance.partitions:
            await self._wait_for_credit(timeout)
            return
        batches, records = await self._thread.fetch(generation, allowance, others, timeout)
        for batch in batches:
            async for item in self._deliver(batch, generation):
                yield item
        if records:
            async for item in self._deliver_others(records, others, generation):
                yield item

    async def _wait_for_credit(self, timeout: float) -> None:
        # aiokafka leaves the group when nobody has asked for records for `max_poll_interval`.
        self._thread.keep_alive()
        try:
            await asyncio.wait_for(self._credit.wait(), timeout)
        except TimeoutError:
            return

    def _offer_credit(self) -> None:
        self._credit.set()
        ours = {partition for partition in self._get_active_partitions() if self.is_ours(partition)}
        self._thread.offer(self.ledger.allowance(ours))

    async def _deliver(
        self, batch: RecordBatch, generation: int
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        partition = TP(batch.topic, batch.partition)
        if generation != self.app.consumer_generation_id:
            return  # of an assignment that is over; the new one begins at the committed offset
        delivery = self.ledger.deliver(partition, batch) if self.flow_active else None
        if delivery is None:
            self._thread.give_back(partition, batch.first_offset, generation)
            return
        # Faust silently drops what lies before the offset it has read, but a log can go back.
        self._read_offset[partition] = None
        message = BatchMessage(partition, batch, generation, self.ledger, delivery)
        yield partition, message
        if not message.acked and not message.refcount and self.ledger.withdraw(delivery):
            # Suspended on the way, or no agent is there yet.
            self._thread.give_back(partition, batch.first_offset, generation)
            await asyncio.sleep(0.05)

    async def _deliver_others(
        self, records: dict[TP, list[Any]], active: set[TP], generation: int
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        # As Faust's own getmany: round robin over topics and partitions.
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp, record in self.scheduler.iterate(records):
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if tp in active or tp in self._buffered_partitions:
                self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
                yield tp, self._to_message(tp, record)

    async def perform_seek(self) -> None:
        """Seek the topics that are not ours to what was committed; ours have their positions from the ledger."""
        others = [partition for partition in self.assignment() if not self.is_ours(partition)]
        if not others:
            return
        committed = {ensure_TP(tp): offset for tp, offset in (await self._thread.seek_to(others)).items()}
        self._read_offset.update(committed)
        self._committed_offset.update(
            {tp: offset or None for tp, offset in committed.items() if offset is not None}
        )

    # Rebalancing and stopping.

    def stop_flow(self) -> None:
        """Take no more, and forget what lies in the agents' queues: Faust clears them right after this."""
        super().stop_flow()
        for channel in self.app.topics:
            for event in tuple(channel.queue._queue):
                message = getattr(event, "message", None)
                if isinstance(message, BatchMessage) and not message.delivery.started:
                    self.ledger.withdraw(message.delivery)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the agents end what they have begun, commit, and only then give the partitions away."""
        if not self.app.should_stop:
            await self._finish(self.options.revoke_drain)
            # Faust forgets its acknowledged offsets before the commit that it means to do on revocation
            # (transport/consumer.py, Consumer.on_partitions_revoked), so that up to 2.8 seconds are repeated.
            await self._bounded(self.commit(), "last commit of Faust's own topics")
        self.ledger.revoke()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Learn what was committed, before anything is delivered."""
        ours = [partition for partition in assigned if self.is_ours(partition)]
        try:
            self.ledger.assign(await self._thread.committed(ours))
        except KafkaError as error:
            await self.crash(error)
            return
        await super().on_partitions_assigned(assigned, generation_id)

    async def wait_empty(self) -> None:
        """Wait, but not for ever, for what the agents have begun; then commit."""
        await self._finish(self.options.stop_drain)
        await self._bounded(super().wait_empty(), "the agents on topics that are not ours")

    async def _finish(self, timeout: float) -> None:
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        if not await self.ledger.wait_idle(timeout):
            logger.warning(
                "Batches were still being worked on after {} seconds and will be repeated", timeout
            )
        await self._bounded(self.commit_batches(), "last commit")

    async def _bounded(self, work: Any, what: str) -> None:
        try:
            await asyncio.wait_for(work, self.options.last_commit)
        except TimeoutError:
            logger.warning("Gave up waiting: {}", what)

    # Committing.

    @Service.task
    async def _commit_batches_regularly(self) -> None:
        while not self.should_stop:
            await self.sleep(self.options.commit_interval)
            await self.commit_batches()

    async def commit_batches(self) -> None:
        """Commit what is new. A failed commit is repeated with the next one, or void since the group has moved on."""
        async with self._committing:
            due = self.ledger.committable()
            if not due:
                return
            commits: dict[TP, Commit] = {partition: commit for partition, (_, commit) in due.items()}
            try:
                await self._thread.commit_batches(commits)
            except (CommitFailedError, IllegalStateError) as error:
                logger.info("The group has rebalanced; not committed: {}", error)
            except KafkaError as error:
                logger.warning("Offsets could not be committed and will be tried again: {}", error)
            else:
                self.ledger.confirm(due)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watch over stuck partitions judges by its own bookkeeping; ours is `in_flight`."""
        if not self.is_ours(tp):
            super().verify_event_path(now, tp)


class Transport(driver.Transport):
    """Faust's aiokafka transport with our consumer and conductor; for apps that have a `ledger`."""

    Consumer = Consumer
    Conductor = Conductor


class StartSensor(faust.Sensor):
    """Tells the ledger which batches an agent has begun with."""

    mundane_level = "debug"

    def on_stream_event_in(self, tp: TP, offset: int, stream: faust.Stream, event: faust.Event) -> None:
        """Faust calls this when a stream hands an event to its agent."""
        if isinstance(event.message, BatchMessage):
            event.message.ledger.start(event.message.delivery)


def register_transport() -> None:
    """Make the scheme known to Faust; the entry point does the same where the package is installed."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"

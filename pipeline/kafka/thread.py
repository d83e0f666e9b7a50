"""The thread in which aiokafka's consumer lives, so that heartbeats do not wait for the agents."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from time import monotonic
from typing import Any, Final, TypeVar

import aiokafka
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from loguru import logger

from pipeline.kafka.drain import OpenResult, drain_result
from pipeline.kafka.ledger import Allowance
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.records import RecordBatch
from pipeline.kafka.tracker import Commit

T = TypeVar("T")

# A fetch that waits for data keeps its broker from answering for partitions that were emptied meanwhile: aiokafka has
# one fetch under way for each broker. So it must not wait long, or partitions advance by turns.
_FETCH_WAIT_MS: Final = 100
_RETRY_PAUSE_MS: Final = 250
_DAMAGE_PAUSE: Final = 5.0
_CLOSING: Final = 3.0


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches batches for the partitions that have credit, and records for the topics that are not ours."""

    mundane_level = "debug"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._options: BatchOptions = self.app.ledger.options
        self._allowance = Allowance()
        self._wake: asyncio.Future[None] | None = None
        self._open: dict[TopicPartition, OpenResult] = {}
        self._turn = 0
        self._damaged_until: dict[TopicPartition, float] = {}

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf, options = self.app.conf, self._options
        # Faust takes aiokafka's round robin unless there are tables (transport/drivers/aiokafka.py,
        # _create_worker_consumer), so that workers with and without tables could not be in one group.
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1000),
            max_partition_fetch_bytes=max(conf.consumer_max_fetch_size, options.batch_bytes // 2),
            fetch_max_bytes=max(options.batch_bytes, conf.consumer_max_fetch_size),
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed" if self.consumer.in_transaction else "read_uncommitted",
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            retry_backoff_ms=_RETRY_PAUSE_MS,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def on_thread_stop(self) -> None:
        """Leave the group and close the connections, also without a broker."""
        try:
            await asyncio.wait_for(super().on_thread_stop(), _CLOSING)
        except (asyncio.CancelledError, TimeoutError, KafkaError) as error:
            # aiokafka lets the cancellation of its own fetch escape from close when that was waiting for a broker
            # (consumer/fetcher.py, Fetcher.close), and Faust then waits for a thread that has died.
            logger.debug("The consumer did not end cleanly: {!r}", error)
            if self._consumer is not None:
                await self._consumer._client.close()

    # Called on the agents' loop.

    async def _in_thread(self, work: Coroutine[Any, Any, T]) -> T:
        # Not through Faust's method queue: it has two workers, and a commit can wait for a broker that is away.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    async def fetch(
        self, generation: int, allowance: Allowance, others: set[TP], timeout: float
    ) -> tuple[list[RecordBatch], dict[TP, list[Any]]]:
        """Batches of the partitions that `allowance` names and records of `others`, of this generation only."""
        self._allowance = allowance
        return await self._in_thread(self._fetch(generation, others, timeout))

    def offer(self, allowance: Allowance) -> None:
        """More may be fetched, also by the fetch that is waiting."""
        self._allowance = allowance
        self.thread_loop.call_soon_threadsafe(self._wake_up)

    def keep_alive(self) -> None:
        """Tell aiokafka that this consumer is there, though it asks for nothing."""
        self.thread_loop.call_soon_threadsafe(self._touch)

    def give_back(self, partition: TP, offset: int, generation: int) -> None:
        """Read on from `offset`, unless the group has moved on."""
        self.thread_loop.call_soon_threadsafe(self._seek_back, partition, offset, generation)

    async def seek_to(self, partitions: Iterable[TP]) -> Mapping[TP, int | None]:
        """Seek these partitions to what was committed, which is the answer."""
        targets = [TopicPartition(*partition) for partition in partitions]
        found: Mapping[TP, int | None] = await self._in_thread(
            self._ensure_consumer().seek_to_committed(*targets)
        )
        return found

    async def committed(self, partitions: Iterable[TP]) -> dict[TP, Commit | None]:
        """What the group has committed of these partitions, with metadata, in one request."""
        targets = [TopicPartition(*partition) for partition in partitions]
        found = await self._in_thread(self._ensure_consumer()._coordinator.fetch_committed_offsets(targets))
        commits: dict[TP, Commit | None] = {}
        for target in targets:
            stored = found.get(target)
            known = stored is not None and stored.offset >= 0
            commits[TP(*target)] = Commit(stored.offset, stored.metadata or "") if known else None
        return commits

    async def commit_batches(self, commits: Mapping[TP, Commit]) -> None:
        """Commit; KafkaError of all kinds if that fails. Waits for a broker that is away."""
        offsets = {
            TopicPartition(*partition): OffsetAndMetadata(commit.offset, commit.metadata)
            for partition, commit in commits.items()
        }
        await self._in_thread(self._ensure_consumer().commit(offsets))

    def end(self, partition: TP) -> tuple[int | None, int | None]:
        """The position in a partition and the end of it as of the last fetch; None for what is not known."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(TopicPartition(*partition)) if assignment else None
        if state is None:
            return None, None
        return (state.position if state.has_valid_position else None), state.highwater

    # Called on the thread's own loop.

    async def _fetch(
        self, generation: int, others: set[TP], timeout: float
    ) -> tuple[list[RecordBatch], dict[TP, list[Any]]]:
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        deadline = monotonic() + timeout
        with consumer._subscription.fetch_context():
            while True:
                if consumer._closed or fetcher._closed:
                    raise ConsumerStoppedError()
                if not self.consumer.flow_active or not self._is_settled(consumer, generation):
                    await asyncio.sleep(0.01)
                    return [], {}
                batches = self._drain(fetcher)
                records: dict[TP, list[Any]] = {}
                if others:
                    records = await fetcher.fetched_records(
                        others, timeout=0, max_records=consumer._max_poll_records
                    )
                remaining = deadline - monotonic()
                if batches or records or remaining <= 0:
                    return batches, records
                await self._wait_for_records(fetcher, remaining)

    def _is_settled(self, consumer: aiokafka.AIOKafkaConsumer, generation: int) -> bool:
        # Records taken from the next assignment in the name of this one would be thrown away with their place.
        return (
            consumer._coordinator.generation == generation
            and not consumer._subscription.reassignment_in_progress
        )

    async def _wait_for_records(self, fetcher: Any, timeout: float) -> None:
        waiter = fetcher._create_fetch_waiter()
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait([waiter, self._wake], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if waiter.done():
                waiter.result()
        finally:
            self._wake = None
            waiter.cancel()

    def _drain(self, fetcher: Any) -> list[RecordBatch]:
        """One batch of each partition that has credit and data, beginning with another one each time."""
        allowance = self._allowance
        ready = [partition for partition in fetcher._records if partition in allowance.partitions]
        left = dict(allowance.bytes_by_topic)
        batches: list[RecordBatch] = []
        self._turn += 1
        for index in range(len(ready)):
            partition = ready[(index + self._turn) % len(ready)]
            batch = self._drain_one(fetcher, partition)
            if batch is not None:
                batches.append(batch)
                left[batch.topic] -= batch.size
                if left[batch.topic] <= 0:
                    break
        # What was taken is not to be taken again before the agents' side has booked it.
        taken = {TP(batch.topic, batch.partition) for batch in batches}
        self._allowance = Allowance(allowance.partitions - taken, left)
        return batches

    def _drain_one(self, fetcher: Any, partition: TopicPartition) -> RecordBatch | None:
        result = fetcher._records[partition]
        if not hasattr(result, "_partition_records"):
            del fetcher._records[partition]
            fetcher._notify(fetcher._wait_consume_future)
            result.check_raise()
        state = self._open.get(partition)
        if state is None or state.result is not result:
            state = self._open[partition] = OpenResult(result)
        if self._damaged_until.get(partition, 0.0) > monotonic():
            return None
        batch, used_up = None, True
        if result.check_assignment(partition) and result.has_more():
            try:
                batch, used_up = drain_result(state, self._options.batch_records, self._options.batch_bytes)
            except CorruptRecordException as error:
                self._damaged_until[partition] = monotonic() + _DAMAGE_PAUSE
                logger.error("{}; the partition is fetched again in {} seconds", error, _DAMAGE_PAUSE)
        if used_up:
            del fetcher._records[partition]
            del self._open[partition]
            fetcher._notify(fetcher._wait_consume_future)
        return batch

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _touch(self) -> None:
        with self._ensure_consumer()._subscription.fetch_context():
            pass

    def _seek_back(self, partition: TP, offset: int, generation: int) -> None:
        consumer = self._ensure_consumer()
        target = TopicPartition(*partition)
        if self._is_settled(consumer, generation) and target in consumer.assignment():
            self._open.pop(target, None)
            consumer.seek(target, offset)

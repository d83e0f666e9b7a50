"""What is in flight, what may be fetched, and what may be committed: the books of the batch transport.

Lives on the event loop of the agents, and knows neither Faust nor aiokafka.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.kafka.options import BatchOptions
from pipeline.kafka.records import RecordBatch
from pipeline.kafka.tracker import Commit, OffsetTracker, Ticket


class Partition(Hashable, Protocol):
    """A topic and a partition of it, such as Faust's `TP`."""

    @property
    def topic(self) -> str:
        """The topic's name."""

    @property
    def partition(self) -> int:
        """The partition's number."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A batch on its way through the agents. `metadata` goes into the commit that the batch completes."""

    partition: Partition
    batch: RecordBatch
    epoch: int
    ticket: Ticket | None
    metadata: str = ""
    started: bool = False
    released: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """A partition that was given to this process: its epoch and what the group had committed there, if anything."""

    partition: int
    epoch: int
    committed: Commit | None


@dataclass(slots=True)
class Allowance:
    """How much may be fetched now: the partitions with credit, and the bytes left for each topic."""

    partitions: frozenset[Partition] = frozenset()
    bytes_by_topic: Mapping[str, int] = field(default_factory=dict)


class Ledger:
    """The deliveries in flight and the offsets behind them.

    A delivery is begun by `deliver` and ends by `release`, which gives the credit back and, except for `manual` topics,
    counts its offsets as done. Callbacks of `on_assigned` hear of the partitions of a topic at each assignment, before
    the first batch of them; those of `on_credit` hear that something may be fetched again.
    """

    def __init__(self, options: BatchOptions) -> None:
        self.options = options
        self._tracker = OffsetTracker()
        self._in_flight: dict[Partition, list[Delivery]] = {}
        self._bytes: Counter[str] = Counter()
        self._positions: dict[Partition, int] = {}
        self._assignments: dict[Partition, Assignment] = {}
        self._listeners: dict[str, list[Callable[[Mapping[int, Assignment]], None]]] = {}
        self._on_credit: list[Callable[[], None]] = []
        self._idle = asyncio.Event()
        self._idle.set()

    def on_assigned(self, topic: str, listener: Callable[[Mapping[int, Assignment]], None]) -> None:
        """Call `listener` with all partitions of `topic` that this process has, whenever that changes."""
        self._listeners.setdefault(topic, []).append(listener)

    def on_credit(self, listener: Callable[[], None]) -> None:
        """Call `listener` when a delivery was released."""
        self._on_credit.append(listener)

    def assign(self, committed: Mapping[Partition, Commit | None]) -> None:
        """From now on this process has exactly these partitions of our topics."""
        self.revoke()
        for partition, commit in committed.items():
            self._assign(partition, commit)
        for topic in self._listeners:
            self._tell(topic)

    def _assign(self, partition: Partition, commit: Commit | None) -> None:
        epoch = self._tracker.assign(partition, commit)
        self._assignments[partition] = Assignment(partition.partition, epoch, commit)
        for delivery in self._in_flight.get(partition, ()):
            self._bytes[partition.topic] -= delivery.batch.size
        self._in_flight[partition] = []
        self._positions.pop(partition, None)

    def _tell(self, topic: str) -> None:
        found = {key.partition: value for key, value in self._assignments.items() if key.topic == topic}
        for listener in self._listeners.get(topic, ()):
            listener(found)

    def revoke(self) -> None:
        """All partitions are taken away; what is still in flight no longer counts."""
        for partition in self._tracker.partitions():
            self._tracker.revoke(partition)
        self._assignments.clear()
        self._in_flight.clear()
        self._positions.clear()
        self._bytes.clear()
        self._idle.set()

    def allowance(self, partitions: Iterable[Partition]) -> Allowance:
        """Which of `partitions` have credit."""
        left = {topic: self.options.topic_bytes - self._bytes[topic] for topic in self.options.topics}
        found = frozenset(partition for partition in partitions if self._has_credit(partition, left))
        return Allowance(found, left)

    def _has_credit(self, partition: Partition, left: Mapping[str, int]) -> bool:
        in_flight = self._in_flight.get(partition)
        if in_flight is None:
            return False
        # One batch of each partition is always allowed: its neighbours may not starve it by filling the topic's share.
        records = sum(len(delivery.batch) for delivery in in_flight)
        most = self.options.partition_batches * self.options.batch_records
        return not in_flight or (records < most and left[partition.topic] > 0)

    def deliver(self, partition: Partition, batch: RecordBatch) -> Delivery | None:
        """`batch` goes to the agents now; None if its partition is not assigned.

        A batch from before the end of an earlier one means that the log itself went back (the broker lost its end):
        the partition counts as newly assigned.
        """
        if partition not in self._in_flight:
            return None
        if batch.first_offset < self._positions.get(partition, batch.first_offset):
            self._assign(partition, self._tracker.committed(partition))
            self._tell(partition.topic)
        ticket = None
        if partition.topic not in self.options.manual:
            ticket = self._tracker.begin(partition, batch.first_offset, batch.next_offset)
        epoch = self._tracker.epoch(partition)
        assert epoch is not None
        delivery = Delivery(partition, batch, epoch, ticket)
        self._in_flight[partition].append(delivery)
        self._bytes[partition.topic] += batch.size
        self._positions[partition] = batch.next_offset
        return delivery

    def start(self, delivery: Delivery) -> None:
        """An agent has begun with the delivery, so that it is worth waiting for."""
        delivery.started = True
        if self.is_current(delivery):
            self._idle.clear()

    def is_current(self, delivery: Delivery) -> bool:
        """Whether the delivery's partition has been with this process all the time since."""
        return self._tracker.epoch(delivery.partition) == delivery.epoch

    def release(self, delivery: Delivery) -> None:
        """All that came of the delivery is safe."""
        if delivery.released:
            return
        if delivery.ticket is not None:
            self._tracker.done(delivery.ticket, delivery.metadata)
        self._forget(delivery)

    def withdraw(self, delivery: Delivery) -> bool:
        """The delivery did not reach an agent. Whether its offsets can be read again: it was the newest."""
        newest = self.is_current(delivery) and self._in_flight[delivery.partition][-1:] == [delivery]
        if newest and delivery.ticket is not None:
            self._tracker.withdraw(delivery.ticket)
        if newest:
            self._positions[delivery.partition] = delivery.batch.first_offset
        self._forget(delivery)
        return newest

    def _forget(self, delivery: Delivery) -> None:
        delivery.released = True
        if not self.is_current(delivery):
            return
        in_flight = self._in_flight[delivery.partition]
        if delivery in in_flight:
            in_flight.remove(delivery)
            self._bytes[delivery.partition.topic] -= delivery.batch.size
        if not any(other.started for others in self._in_flight.values() for other in others):
            self._idle.set()
        for listener in self._on_credit:
            listener()

    def in_flight(self, partition: Partition) -> int:
        """How many deliveries of the partition are in flight."""
        return len(self._in_flight.get(partition, ()))

    def position(self, partition: Partition) -> int | None:
        """The offset after the last one delivered since the assignment, None if nothing was."""
        return self._positions.get(partition)

    async def wait_idle(self, timeout: float) -> bool:
        """Wait until no delivery that an agent has begun is in flight; False after `timeout` seconds."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def commit_to(self, partition: Partition, epoch: int, commit: Commit) -> bool:
        """For `manual` topics: all before `commit.offset` is dealt with. False if the partition was taken away."""
        return self._tracker.set(partition, epoch, commit)

    def committable(self) -> dict[Partition, tuple[int, Commit]]:
        """What is new to commit: the epoch and the commit of each partition."""
        found: dict[Partition, tuple[int, Commit]] = {}
        for partition in self._in_flight:
            commit, epoch = self._tracker.committable(partition), self._tracker.epoch(partition)
            if commit is not None and epoch is not None:
                found[partition] = (epoch, commit)
        return found

    def confirm(self, commits: Mapping[Partition, tuple[int, Commit]]) -> None:
        """The broker has stored these."""
        for partition, (epoch, commit) in commits.items():
            self._tracker.confirm(partition, epoch, commit)

"""Batches that an agent has taken, with the two ways to be done with them."""

from collections.abc import Sequence
from typing import Any

from pipeline.kafka.ledger import Delivery, Ledger, Partition
from pipeline.kafka.records import join_batches


class Work:
    """Batches of one partition that follow each other, as one."""

    def __init__(self, events: Sequence[Any], ledger: Ledger) -> None:
        self._events, self._ledger = tuple(events), ledger
        self._deliveries: tuple[Delivery, ...] = tuple(event.message.delivery for event in events)
        self.batch = join_batches([delivery.batch for delivery in self._deliveries])

    @property
    def partition(self) -> Partition:
        """Where the batches are from."""
        return self._deliveries[0].partition

    @property
    def epoch(self) -> int:
        """The assignment under which they came."""
        return self._deliveries[0].epoch

    @property
    def is_current(self) -> bool:
        """Whether the partition is still with this process; if not, another one has the batches too."""
        return self._ledger.is_current(self._deliveries[0])

    def done(self, metadata: str = "") -> None:
        """All that came of the batches is safe. `metadata` goes into the commit of their offsets."""
        for delivery, event in zip(self._deliveries, self._events, strict=True):
            delivery.metadata = metadata
            event.ack()

    def give_up(self) -> None:
        """Nothing more happens to the batches here: their offsets are not committed, and they are read again later."""
        for delivery in reversed(self._deliveries):
            self._ledger.withdraw(delivery)

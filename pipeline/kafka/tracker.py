"""Which offsets may be committed: those before which everything that was delivered is done.

Ranges, not single offsets: a batch delivered as [first, next) covers the gaps in it (compacted records, transaction
markers), and the space between two batches in the order of delivery holds nothing that will ever be delivered. No
clock and no socket; time and Kafka are the caller's.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Commit:
    """`offset` is the next one to read; `metadata` is text that belongs to the state at that very offset."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A range that was delivered, and the epoch it was delivered in: worthless once the partition is given away."""

    partition: Hashable
    epoch: int
    first: int
    next: int


@dataclass(slots=True)
class _Range:
    next: int
    done: bool = False
    metadata: str = ""


@dataclass(slots=True)
class _Partition:
    epoch: int
    committed: Commit | None
    ready: Commit | None = None
    end: int | None = None
    open: deque[_Range] = field(default_factory=deque)
    by_first: dict[int, _Range] = field(default_factory=dict)


class OffsetTracker:
    """The offsets of the partitions that this process has at the moment. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._partitions: dict[Hashable, _Partition] = {}
        self._epoch = 0

    def assign(self, partition: Hashable, committed: Commit | None) -> int:
        """Begin with a partition whose group has `committed` (None: nothing yet). Returns the new epoch.

        What an earlier epoch of the partition still does is ignored from now on.
        """
        self._epoch += 1
        self._partitions[partition] = _Partition(self._epoch, committed)
        return self._epoch

    def revoke(self, partition: Hashable) -> None:
        """Forget a partition; one that is not assigned is no error."""
        self._partitions.pop(partition, None)

    def partitions(self) -> tuple[Hashable, ...]:
        """The partitions assigned at the moment."""
        return tuple(self._partitions)

    def epoch(self, partition: Hashable) -> int | None:
        """The epoch in which the partition is assigned, None if it is not."""
        state = self._partitions.get(partition)
        return state.epoch if state else None

    def committed(self, partition: Hashable) -> Commit | None:
        """What was last committed, by this process or by the one before it."""
        state = self._partitions.get(partition)
        return state.committed if state else None

    def is_current(self, ticket: Ticket) -> bool:
        """Whether the ticket's partition is still assigned in the ticket's epoch."""
        return self.epoch(ticket.partition) == ticket.epoch

    def begin(self, partition: Hashable, first: int, next_offset: int) -> Ticket:
        """[first, next_offset) is about to be delivered. Ranges come in the order of offsets.

        A range that starts before the end of an earlier one means that the log itself went back (the broker lost its
        end, or the group was reset): what was open is forgotten and a new epoch begins. KeyError for a partition that
        is not assigned, ValueError for an empty range.
        """
        if first >= next_offset:
            raise ValueError(f"the range [{first}, {next_offset}) of {partition} is empty")
        state = self._partitions[partition]
        if state.end is not None and first < state.end:
            self.assign(partition, state.committed)
            state = self._partitions[partition]
        state.end = next_offset
        entry = _Range(next_offset)
        state.open.append(entry)
        state.by_first[first] = entry
        return Ticket(partition, state.epoch, first, next_offset)

    def withdraw(self, ticket: Ticket) -> bool:
        """The newest range was not delivered after all and will be begun again. False if it is not the newest."""
        state = self._current(ticket)
        if state is None or not state.open or state.by_first.get(ticket.first) is not state.open[-1]:
            return False
        state.open.pop()
        del state.by_first[ticket.first]
        state.end = ticket.first
        return True

    def done(self, ticket: Ticket, metadata: str = "") -> bool:
        """All that came of the range is safe. In any order; again, or of an older epoch: nothing happens, and False."""
        state = self._current(ticket)
        entry = state.by_first.pop(ticket.first, None) if state else None
        if state is None or entry is None:
            return False
        entry.done, entry.metadata = True, metadata
        while state.open and state.open[0].done:
            oldest = state.open.popleft()
            state.ready = Commit(oldest.next, oldest.metadata)
        return True

    def set(self, partition: Hashable, epoch: int, commit: Commit) -> bool:
        """Decide the commit oneself, for partitions whose ranges are not begun here. False for an older epoch."""
        state = self._partitions.get(partition)
        if state is None or state.epoch != epoch:
            return False
        state.ready = commit
        return True

    def committable(self, partition: Hashable) -> Commit | None:
        """What may be committed now, None if that is nothing new."""
        state = self._partitions.get(partition)
        if state is None or state.ready is None or state.ready == state.committed:
            return None
        return state.ready

    def confirm(self, partition: Hashable, epoch: int, commit: Commit) -> None:
        """The broker has stored `commit`, which `committable` gave in `epoch`."""
        state = self._partitions.get(partition)
        if state is not None and state.epoch == epoch:
            state.committed = commit

    def _current(self, ticket: Ticket) -> _Partition | None:
        state = self._partitions.get(ticket.partition)
        return state if state is not None and state.epoch == ticket.epoch else None

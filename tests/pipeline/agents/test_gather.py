"""How waiting batches become groups: all that has come, in order, and never what was taken away."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple

import pytest

from pipeline.agents.gather import Bounds, Gatherer
from pipeline.agents.work import Work
from pipeline.kafka.ledger import Delivery, Ledger
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.records import RecordBatch

MANY = 1_000_000


class Partition(NamedTuple):
    topic: str
    partition: int


A, B = Partition("raw", 0), Partition("raw", 1)


class Message:
    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery


class Event:
    """What Faust hands to an agent."""

    def __init__(self, delivery: Delivery, ledger: Ledger) -> None:
        self.message = Message(delivery)
        self._ledger = ledger

    def ack(self) -> None:
        self._ledger.release(self.message.delivery)


class Desk:
    """A gatherer whose handler waits until it is told to go on."""

    def __init__(self, **bounds: Any) -> None:
        self.ledger = Ledger(BatchOptions(topics=frozenset({"raw"})))
        self.ledger.assign({A: None, B: None})
        self.groups: list[list[tuple[int, int, int]]] = []
        self.works: list[Sequence[Work]] = []
        self.gates: list[asyncio.Future[None]] = []
        self.errors: list[BaseException] = []
        self.rest: Awaitable[None] | None = None
        given = {"records": MANY, "bytes": MANY, "at_once": 1, "unfinished": 9, **bounds}
        self.gatherer = Gatherer(self.ledger, self._handle, self._fail, Bounds(**given))

    async def _handle(self, works: Sequence[Work]) -> Awaitable[None] | None:
        batches = [work.batch for work in works]
        self.groups.append([(each.partition, each.first_offset, each.next_offset) for each in batches])
        self.works.append(works)
        gate = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        await gate
        return self.rest

    async def _fail(self, error: BaseException) -> None:
        self.errors.append(error)

    def put(self, partition: Partition, first: int, count: int = 2) -> None:
        offsets = range(first, first + count)
        values = [b"x"] * count
        batch = RecordBatch(
            "raw",
            partition.partition,
            first,
            first + count,
            offsets,
            offsets,
            [None] * count,
            values,
            99,
            count,
        )
        delivery = self.ledger.deliver(partition, batch)
        assert delivery is not None
        self.gatherer.put(Event(delivery, self.ledger))

    async def finish(self, index: int, error: Exception | None = None) -> None:
        """End a group that is being handled, acknowledged unless it fails."""
        if error is not None:
            self.gates[index].set_exception(error)
        else:
            for work in self.works[index]:
                work.done("state")
            self.gates[index].set_result(None)
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_comes_during_a_group_is_the_next_one_joined_by_partition() -> None:
    async def run() -> None:
        desk = Desk()
        desk.put(A, 0)
        await settle()
        for partition, first in ((A, 2), (B, 0), (A, 4), (B, 2)):
            desk.put(partition, first)
        await settle()
        assert desk.groups == [[(0, 0, 2)]]
        await desk.finish(0)
        assert desk.groups[1:] == [[(0, 2, 6), (1, 0, 4)]]
        await desk.finish(1)
        commits = {key: commit.offset for key, (_, commit) in desk.ledger.committable().items()}
        assert commits == {A: 6, B: 4}
        assert [commit.metadata for _, commit in desk.ledger.committable().values()] == ["state", "state"]

    asyncio.run(run())


@pytest.mark.parametrize("bound", ["records", "bytes"])
def test_a_group_holds_no_more_than_its_bounds_but_one_batch_always(bound: str) -> None:
    async def run() -> None:
        desk = Desk(**{bound: 5})
        desk.put(A, 0, 7)
        await settle()
        for first in (7, 9, 11):
            desk.put(A, first)
        await desk.finish(0)
        await desk.finish(1)
        assert desk.groups == [[(0, 0, 7)], [(0, 7, 11)], [(0, 11, 13)]]

    asyncio.run(run())


def test_a_partition_is_in_one_group_at_a_time_where_order_counts() -> None:
    async def run(is_ordered: bool) -> list[list[tuple[int, int, int]]]:
        desk = Desk(at_once=2, is_ordered=is_ordered)
        desk.put(A, 0)
        desk.put(A, 2)
        desk.put(B, 0)
        await settle()
        before = list(desk.groups)
        await desk.gatherer.close()
        return before

    assert asyncio.run(run(is_ordered=True)) == [[(0, 0, 2)], [(1, 0, 2)]]
    assert asyncio.run(run(is_ordered=False)) == [[(0, 0, 2)], [(0, 2, 4)]]


def test_batches_with_a_gap_between_them_are_not_joined() -> None:
    async def run() -> None:
        desk = Desk()
        desk.put(B, 0)
        await settle()
        desk.put(A, 0)
        desk.put(A, 4)
        desk.put(A, 6)
        await desk.finish(0)
        await desk.finish(1)
        assert desk.groups[1:] == [[(0, 0, 2)], [(0, 4, 8)]]

    asyncio.run(run())


def test_what_was_taken_away_is_not_handled() -> None:
    async def run() -> None:
        desk = Desk()
        desk.put(A, 0)
        await settle()
        desk.put(A, 2)
        desk.put(B, 0)
        desk.ledger.assign({B: None})
        desk.put(B, 0)
        await desk.finish(0)
        assert desk.groups[1:] == [[(1, 0, 2)]]

    asyncio.run(run())


def test_nothing_is_handled_after_a_failure() -> None:
    async def run() -> None:
        desk = Desk(at_once=2)
        desk.put(A, 0)
        await settle()
        desk.put(A, 2)
        await desk.finish(0, ValueError("no"))
        desk.put(B, 0)
        await settle()
        assert len(desk.groups) == 1
        assert [str(error) for error in desk.errors] == ["no"]

    asyncio.run(run())


def test_groups_of_which_something_is_left_to_do_hold_up_the_next() -> None:
    async def run() -> None:
        desk = Desk(unfinished=2)
        left = asyncio.get_running_loop().create_future()
        desk.rest = left
        for index in range(2):
            desk.put(A, 2 * index)
            await settle()
            await desk.finish(index)
        desk.put(A, 4)
        await settle()
        assert len(desk.groups) == 2
        left.set_result(None)
        await settle()
        assert desk.groups[2] == [(0, 4, 6)]

    asyncio.run(run())


def test_a_failure_in_what_is_left_to_do_is_one_too() -> None:
    async def run() -> None:
        desk = Desk()
        desk.rest = asyncio.get_running_loop().create_future()
        desk.rest.set_exception(ValueError("no"))
        desk.put(A, 0)
        await settle()
        await desk.finish(0)
        desk.put(A, 2)
        await settle()
        assert len(desk.groups) == 1
        assert [str(error) for error in desk.errors] == ["no"]

    asyncio.run(run())


def test_few_records_wait_a_while_after_a_group_and_many_do_not() -> None:
    async def run() -> None:
        desk = Desk(at_once=2, beside=10, enough=8, pause=1.0, short_pause=1.0)
        desk.put(A, 0)
        await settle()
        assert len(desk.groups) == 1, "what comes first does not wait"
        desk.put(B, 0)
        await asyncio.sleep(0.1)
        assert len(desk.groups) == 1, "few are no second group beside the first"
        await desk.finish(0)
        assert len(desk.groups) == 1
        await asyncio.sleep(0.3)
        assert desk.groups[1] == [(1, 0, 2)], "as long as the group took, at most"
        desk.put(A, 2, 5)
        await settle()
        assert len(desk.groups) == 2
        desk.put(A, 7, 5)
        await settle()
        assert desk.groups[2] == [(0, 2, 12)], "many are"
        desk.put(B, 2, 9)
        await desk.finish(1)
        await desk.finish(2)
        assert desk.groups[3] == [(1, 2, 11)], "enough, without a pause"

    asyncio.run(run())


def test_the_more_records_a_group_had_the_shorter_is_the_pause_after_it() -> None:
    bounds = Bounds(MANY, MANY, 1, 1, pause=2.0, short_pause=1.0, many=200)

    assert [bounds.choose_pause(records) for records in (0, 100, 200, 9_000)] == [2.0, 1.5, 1.0, 1.0]


def test_a_group_of_many_records_is_soon_followed_by_the_next() -> None:
    async def run() -> None:
        desk = Desk(enough=8, pause=50.0, short_pause=0.1, many=4)
        desk.put(A, 0, 5)
        await settle()
        await asyncio.sleep(0.02)
        desk.put(B, 0)
        await desk.finish(0)
        await asyncio.sleep(0.05)
        assert desk.groups[1:] == [[(1, 0, 2)]]
        await asyncio.sleep(0.02)
        desk.put(A, 5)
        await desk.finish(1)
        await asyncio.sleep(0.05)
        assert len(desk.groups) == 2, "that one had few"

    asyncio.run(run())


def test_beside_those_that_are_free_a_group_begins_only_when_it_is_full() -> None:
    async def run() -> None:
        desk = Desk(at_once=3, freely=2, beside=6, is_ordered=False)
        for index in range(2):
            desk.put(A, 2 * index)
            await settle()
        assert len(desk.groups) == 2
        desk.put(A, 4)
        await settle()
        assert len(desk.groups) == 2, "it goes on growing while the others are under way"
        desk.put(A, 6, 5)
        await settle()
        assert desk.groups[2] == [(0, 4, 11)]
        desk.put(B, 0)
        await desk.finish(2)
        assert len(desk.groups) == 3
        await desk.finish(0)
        assert desk.groups[3] == [(1, 0, 2)]

    asyncio.run(run())

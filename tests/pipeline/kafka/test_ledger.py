import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.kafka.ledger import Assignment, Ledger
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.records import RecordBatch
from pipeline.kafka.tracker import Commit


class Partition(NamedTuple):
    topic: str
    partition: int


RAW = Partition("raw", 0)
OTHER = Partition("raw", 1)
SIGNALS = Partition("signals", 0)
OPTIONS = BatchOptions(
    topics=frozenset({"raw", "signals"}),
    manual=frozenset({"signals"}),
    batch_records=1,
    partition_batches=2,
    topic_bytes=100,
)


def make_batch(partition: Partition, first: int, size: int = 10) -> RecordBatch:
    return RecordBatch(
        partition.topic, partition.partition, first, first + 10, [first], [0], [None], [b""], 99, size
    )


def make_ledger() -> Ledger:
    ledger = Ledger(OPTIONS)
    ledger.assign({RAW: None, OTHER: None, SIGNALS: Commit(5, "state")})
    return ledger


def test_a_partition_without_credit_is_not_fetched_and_does_not_hold_up_others() -> None:
    ledger = make_ledger()
    first = ledger.deliver(RAW, make_batch(RAW, 0))
    ledger.deliver(RAW, make_batch(RAW, 10))
    assert first is not None
    assert ledger.allowance([RAW, OTHER, SIGNALS]).partitions == {OTHER, SIGNALS}
    ledger.release(first)
    assert ledger.allowance([RAW, OTHER]).partitions == {RAW, OTHER}


def test_a_topic_that_fills_its_share_leaves_one_batch_to_each_of_its_partitions() -> None:
    ledger = make_ledger()
    ledger.deliver(RAW, make_batch(RAW, 0, size=500))
    assert ledger.allowance([RAW, OTHER, SIGNALS]).partitions == {OTHER, SIGNALS}
    ledger.deliver(OTHER, make_batch(OTHER, 0))
    assert ledger.allowance([RAW, OTHER, SIGNALS]).partitions == {SIGNALS}


def test_released_batches_are_committable_with_the_metadata_of_the_last() -> None:
    ledger = make_ledger()
    one, two = (ledger.deliver(RAW, make_batch(RAW, first)) for first in (0, 10))
    assert one is not None
    assert two is not None
    two.metadata = "later"
    ledger.release(two)
    assert ledger.committable() == {}
    ledger.release(one)
    due = ledger.committable()
    assert {partition: commit for partition, (_, commit) in due.items()} == {RAW: Commit(20, "later")}
    ledger.confirm(due)
    assert ledger.committable() == {}


def test_a_manual_topic_commits_what_its_agent_says_and_nothing_else() -> None:
    ledger = make_ledger()
    delivery = ledger.deliver(SIGNALS, make_batch(SIGNALS, 5))
    assert delivery is not None
    ledger.release(delivery)
    assert ledger.committable() == {}
    assert ledger.commit_to(SIGNALS, delivery.epoch, Commit(7, "open windows"))
    assert [commit for _, commit in ledger.committable().values()] == [Commit(7, "open windows")]


def test_after_revocation_nothing_old_counts() -> None:
    ledger = make_ledger()
    delivery = ledger.deliver(RAW, make_batch(RAW, 0))
    assert delivery is not None
    ledger.revoke()
    assert not ledger.is_current(delivery)
    ledger.release(delivery)
    ledger.assign({RAW: None})
    assert ledger.committable() == {}
    assert ledger.in_flight(RAW) == 0
    assert not ledger.commit_to(RAW, delivery.epoch, Commit(3))
    assert ledger.deliver(OTHER, make_batch(OTHER, 0)) is None


def test_a_log_that_went_back_is_a_new_assignment() -> None:
    ledger = make_ledger()
    heard: list[Mapping[int, Assignment]] = []
    ledger.on_assigned("raw", heard.append)
    lost = ledger.deliver(RAW, make_batch(RAW, 100))
    again = ledger.deliver(RAW, make_batch(RAW, 0))
    assert lost is not None
    assert again is not None
    assert lost.epoch != again.epoch
    assert heard[-1][0].epoch == again.epoch
    ledger.release(lost)
    assert ledger.in_flight(RAW) == 1
    ledger.release(again)
    assert [commit for _, commit in ledger.committable().values()] == [Commit(10)]


def test_waiting_ends_when_what_was_begun_is_released_or_taken_away() -> None:
    async def run() -> None:
        ledger = make_ledger()
        delivery = ledger.deliver(RAW, make_batch(RAW, 0))
        assert delivery is not None
        assert await ledger.wait_idle(0.01)  # lies in a queue: nobody has begun with it
        ledger.start(delivery)
        assert not await ledger.wait_idle(0.01)
        asyncio.get_running_loop().call_later(0.01, ledger.release, delivery)
        assert await ledger.wait_idle(5)

    asyncio.run(run())


def test_listeners_hear_what_was_committed() -> None:
    ledger = Ledger(OPTIONS)
    heard: list[Mapping[int, Assignment]] = []
    ledger.on_assigned("signals", heard.append)
    ledger.assign({SIGNALS: Commit(5, "state"), RAW: None})
    ledger.assign({RAW: None})
    assert [{number: found.committed for number, found in mapping.items()} for mapping in heard] == [
        {0: Commit(5, "state")},
        {},
    ]

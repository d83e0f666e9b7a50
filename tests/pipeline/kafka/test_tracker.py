import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.tracker import Commit, OffsetTracker

# Batches as (gap before, length), and the order in which they are done.
batches = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=12)


def lay_out(shape: list[tuple[int, int]], start: int) -> list[tuple[int, int]]:
    ranges = []
    for gap, length in shape:
        start += gap
        ranges.append((start, start + length))
        start += length
    return ranges


@given(shape=batches, start=st.integers(0, 100), data=st.data())
def test_nothing_is_committed_past_a_range_that_is_not_done(
    shape: list[tuple[int, int]], start: int, data: st.DataObject
) -> None:
    tracker = OffsetTracker()
    tracker.assign("p", Commit(start))
    ranges = lay_out(shape, start)
    tickets = [tracker.begin("p", *piece) for piece in ranges]
    order = data.draw(st.permutations(range(len(tickets))))
    open_firsts = {ticket.first for ticket in tickets}
    for index in order:
        assert tracker.done(tickets[index])
        open_firsts.discard(tickets[index].first)
        commit = tracker.committable("p")
        if commit is not None:
            assert commit.offset <= min(open_firsts, default=commit.offset)
    assert tracker.committable("p") == Commit(ranges[-1][1])


@given(shape=batches, data=st.data())
def test_what_is_committed_only_grows_and_ends_where_a_range_ends(
    shape: list[tuple[int, int]], data: st.DataObject
) -> None:
    tracker = OffsetTracker()
    epoch = tracker.assign("p", None)
    ranges = lay_out(shape, 0)
    tickets = [tracker.begin("p", *piece) for piece in ranges]
    ends = {end for _, end in ranges}
    last = -1
    for index in data.draw(st.permutations(range(len(tickets)))):
        tracker.done(tickets[index], metadata=str(tickets[index].next))
        commit = tracker.committable("p")
        if commit is None:
            continue
        assert commit.offset in ends
        assert commit.offset > last
        assert commit.metadata == str(commit.offset)
        last = commit.offset
        tracker.confirm("p", epoch, commit)
        assert tracker.committable("p") is None


@given(
    done=st.lists(st.integers(0, 9), max_size=30),
    later=st.lists(st.integers(0, 9), max_size=10),
)
def test_a_ticket_of_an_older_epoch_counts_for_nothing(done: list[int], later: list[int]) -> None:
    tracker = OffsetTracker()
    tracker.assign("p", Commit(0))
    old = [tracker.begin("p", index * 10, index * 10 + 10) for index in range(10)]
    for index in done:
        tracker.done(old[index])
    tracker.revoke("p")
    assert tracker.committable("p") is None
    tracker.assign("p", Commit(0))
    new = [tracker.begin("p", index * 10, index * 10 + 10) for index in range(10)]
    for index in later:
        assert not tracker.done(old[index])
        assert not tracker.is_current(old[index])
    assert tracker.committable("p") is None
    for ticket in new:
        tracker.done(ticket)
    assert tracker.committable("p") == Commit(100)


def test_done_twice_is_done_once() -> None:
    tracker = OffsetTracker()
    tracker.assign("p", None)
    first, second = tracker.begin("p", 0, 5), tracker.begin("p", 5, 9)
    assert tracker.done(first)
    assert not tracker.done(first)
    assert tracker.committable("p") == Commit(5)
    assert tracker.done(second)
    assert tracker.committable("p") == Commit(9)


def test_a_gap_before_the_first_range_does_not_hold_the_commit_back() -> None:
    tracker = OffsetTracker()
    tracker.assign("p", Commit(100))
    tracker.done(tracker.begin("p", 250, 260))
    assert tracker.committable("p") == Commit(260)


def test_a_log_that_went_back_begins_anew() -> None:
    tracker = OffsetTracker()
    tracker.assign("p", Commit(100))
    lost = tracker.begin("p", 100, 200)
    again = tracker.begin("p", 0, 50)
    assert not tracker.done(lost)
    assert tracker.done(again)
    assert tracker.committable("p") == Commit(50)


def test_a_withdrawn_range_can_be_begun_again() -> None:
    tracker = OffsetTracker()
    tracker.assign("p", None)
    first, second = tracker.begin("p", 0, 5), tracker.begin("p", 5, 9)
    assert not tracker.withdraw(first)
    assert tracker.withdraw(second)
    assert not tracker.done(second)
    tracker.done(tracker.begin("p", 5, 12))
    assert tracker.committable("p") is None
    tracker.done(first)
    assert tracker.committable("p") == Commit(12)


def test_an_offset_can_be_set_by_hand_in_its_own_epoch_only() -> None:
    tracker = OffsetTracker()
    old = tracker.assign("p", None)
    new = tracker.assign("p", None)
    assert not tracker.set("p", old, Commit(7, "old"))
    assert tracker.set("p", new, Commit(3, "state"))
    assert tracker.committable("p") == Commit(3, "state")
    tracker.confirm("p", new, Commit(3, "state"))
    assert tracker.committable("p") is None
    tracker.set("p", new, Commit(3, "newer state"))
    assert tracker.committable("p") == Commit(3, "newer state")


def test_an_empty_range_and_an_unknown_partition_are_refused() -> None:
    tracker = OffsetTracker()
    tracker.assign("p", None)
    with pytest.raises(ValueError, match="empty"):
        tracker.begin("p", 5, 5)
    with pytest.raises(KeyError):
        tracker.begin("q", 0, 1)
    tracker.revoke("q")
    assert tracker.partitions() == ("p",)

"""The windows' engine, case by case. One rule: three in a minute, ten seconds of grace, unless a test says more.

0        60       70
|--------|- - - - |          a window, and its grace
"""

import polars as pl
import pytest

from parsers.burst_model import BurstRule
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.watermark import Progress
from pipeline.stages.window import BURST_SCHEMA, BurstState

RULE = BurstRule("errors", threshold=3, timeframe=60_000, grace=10_000)
GROUP = '{"host.name":"a"}'


def signals(*seconds: float, first_id: int = 0, rule: str = "errors", group: str = GROUP) -> pl.DataFrame:
    rows = [(rule, group, int(second * 1000), first_id + index) for index, second in enumerate(seconds)]
    return pl.DataFrame(rows, schema=SIGNAL_SCHEMA, orient="row")


def at(second: float | None, partition: int = 0, partitions: int = 1, idle: bool = False) -> Progress:
    return Progress(partition, partitions, None if second is None else int(second * 1000), idle)


NOTHING = signals()


def test_a_window_closes_when_the_watermark_reaches_its_end_plus_grace() -> None:
    state = BurstState([RULE])
    state.feed(0, at(3), signals(1, 2, 3))
    assert state.close().bursts.is_empty()
    state.feed(1, at(69.999), NOTHING)
    assert state.close().bursts.is_empty()
    state.feed(2, at(70), NOTHING)

    closed = state.close()

    assert dict(closed.bursts.schema) == BURST_SCHEMA
    assert closed.bursts.rows() == [("errors", GROUP, 0, 60_000, 3, 1000, 3000)]
    assert closed.windows == 1
    assert state.close().bursts.is_empty()


def test_windows_below_the_threshold_close_without_a_burst() -> None:
    state = BurstState([RULE])
    state.feed(0, at(200), signals(1, 2))

    closed = state.close()

    assert (closed.bursts.height, closed.windows, state.size) == (0, 1, 0)


def test_a_window_starts_at_its_first_millisecond_and_ends_before_the_next() -> None:
    state = BurstState([BurstRule("errors", threshold=1)])
    state.feed(0, at(None), signals(-0.001, 0, 59.999, 60))

    found = state.finish().bursts.select("window_start", "count").rows()

    assert found == [(-60_000, 1), (0, 2), (60_000, 1)]


def test_an_id_counts_once_however_often_it_comes() -> None:
    state = BurstState([RULE])
    for offset in range(3):
        state.feed(offset, at(2), signals(1, 2, 2))
        state.close()

    assert state.finish().bursts["count"].to_list() == [3]
    assert (state.counters.fed, state.counters.counted, state.counters.duplicates) == (9, 3, 6)


def test_a_signal_that_is_late_reopens_nothing_and_is_counted() -> None:
    state = BurstState([RULE])
    state.feed(0, at(100), signals(1, 2, 3))
    state.close()
    state.feed(1, at(100), signals(4, 5, 6, first_id=10))

    assert state.close().bursts.is_empty()
    assert state.finish().bursts.is_empty()
    assert state.counters.late == 3


def test_a_records_own_watermark_does_not_make_its_own_rows_late() -> None:
    state = BurstState([RULE])
    state.feed(0, at(1000), signals(1, 2, 3, 1000))

    assert state.close().bursts["count"].to_list() == [3]
    assert state.counters.late == 0


def test_rows_are_judged_by_the_watermark_they_were_read_at_even_if_closing_comes_later() -> None:
    state = BurstState([RULE])
    state.feed(0, at(100), NOTHING)
    state.feed(1, at(100), signals(1, 2, 3))

    assert state.close().bursts.is_empty()
    assert state.counters.late == 3


def test_the_slowest_partition_holds_the_windows_open() -> None:
    state = BurstState([RULE])
    state.feed(0, at(500, partition=0, partitions=2), signals(1, 2, 3))
    assert state.close().windows == 0, "partition 1 has not been heard of"
    state.feed(1, at(50, partition=1, partitions=2), signals(50, first_id=9))
    assert state.close().windows == 0, "partition 1 is at 50 s"
    state.feed(2, at(50, partition=1, partitions=2, idle=True), NOTHING)

    assert state.close().bursts["count"].to_list() == [4]


def test_rules_have_windows_of_their_own_and_unknown_rules_are_counted() -> None:
    state = BurstState([RULE, BurstRule("long", threshold=1, timeframe=3_600_000, grace=0)])
    state.feed(0, at(3600), pl.concat([signals(1, 2, 3), signals(1, rule="long"), signals(1, rule="gone")]))

    assert state.close().bursts.select("rule", "window_end").rows() == [
        ("errors", 60_000),
        ("long", 3_600_000),
    ]
    assert state.counters.unknown == 1


def test_bursts_are_ordered_by_start_then_rule_then_group() -> None:
    rules = [BurstRule("b", threshold=1), BurstRule("a", threshold=1)]
    state = BurstState(rules)
    parts = [
        signals(second, rule=rule, group=group)
        for second in (61, 1)
        for rule in "ba"
        for group in ("{}", GROUP)
    ]
    state.feed(0, at(None), pl.concat(parts))

    found = state.finish().bursts.select("window_start", "rule", "group").rows()

    assert found == sorted(found)
    assert len(found) == 8


def test_an_offset_is_held_until_its_windows_are_closed_and_settled() -> None:
    state = BurstState([RULE])
    state.feed(7, at(0), NOTHING)
    state.feed(8, at(1), signals(1, 2, 3))
    assert state.close().windows == 0
    first = state.committable()
    assert first is not None
    assert first.offset == 8
    assert state.committable() is None, "nothing new"
    state.feed(9, at(80), NOTHING)
    closed = state.close()
    assert state.committable() is None, "the burst may not have arrived"
    state.settle(closed.token)

    second = state.committable()

    assert second is not None
    assert second.offset == 10


def test_rows_that_were_fed_and_not_looked_at_are_not_committable() -> None:
    state = BurstState([RULE])
    state.feed(0, at(0), NOTHING)
    state.feed(1, at(100), signals(1))
    commit = state.committable()

    assert commit is not None
    assert commit.offset == 1


def test_bursts_settled_in_another_order_are_committed_in_theirs() -> None:
    state = BurstState([RULE])
    state.feed(0, at(100), signals(1, 2, 3))
    early = state.close()
    state.feed(1, at(200), signals(101, 102, 103, first_id=5))
    late = state.close()
    assert early.bursts.height == late.bursts.height == 1
    state.settle(late.token)
    state.settle(late.token)
    assert state.committable() is None
    state.settle(early.token)

    commit = state.committable()

    assert commit is not None
    assert commit.offset == 2
    state.settle(12345)


def test_a_settled_burst_does_not_come_again_after_a_restart() -> None:
    state = BurstState([RULE])
    long = signals(1, 100)
    state.feed(0, at(0), signals(1, 2, 3))
    state.feed(1, at(100), signals(95, 96, 97, first_id=20))
    state.settle(state.close().token)
    commit = state.committable()
    assert commit is not None
    assert commit.offset == 1

    again = BurstState([RULE], restored=commit.metadata)
    again.feed(1, at(100), pl.concat([signals(95, 96, 97, first_id=20), long]))

    assert again.finish().bursts.select("window_start", "count").rows() == [(60_000, 4)]
    assert again.counters.settled == 1


def test_what_was_late_before_a_restart_is_late_after_it() -> None:
    state = BurstState([RULE])
    state.feed(0, at(100), NOTHING)
    commit = state.committable()
    assert commit is not None
    assert commit.offset == 1

    again = BurstState([RULE], restored=commit.metadata)
    again.feed(1, at(100), signals(1, 2, 3))

    assert again.finish().bursts.is_empty()
    assert again.counters.late == 3


def test_a_commit_holds_the_watermark_of_its_own_offset_not_of_later_ones() -> None:
    state = BurstState([RULE])
    state.feed(0, at(1), NOTHING)
    state.feed(1, at(1), signals(1, 2))
    state.feed(2, at(1), signals(3, first_id=7))
    state.feed(3, at(500), NOTHING)
    closed = state.close()
    assert closed.bursts.height == 1
    commit = state.committable()
    assert commit is not None
    assert commit.offset == 1

    again = BurstState([RULE], restored=commit.metadata)
    again.feed(1, at(1), signals(1, 2))
    again.feed(2, at(1), signals(3, first_id=7))
    again.feed(3, at(500), NOTHING)

    assert again.close().bursts.rows() == closed.bursts.rows()
    assert again.watermark == 500_000


def test_metadata_that_cannot_be_read_is_an_error_that_shows_it() -> None:
    for text in ("x", "b1 5", "b1 x 5 1 0 0", "b1 5 nonsense", "b2 5 5 1 0 0"):
        with pytest.raises(ValueError, match=r"cannot be read|can be read"):
            BurstState([RULE], restored=text)


def test_offsets_must_go_forward() -> None:
    state = BurstState([RULE])
    state.feed(5, at(1), NOTHING)
    with pytest.raises(ValueError, match="offset 5 was fed before; the next is 6"):
        state.feed(5, at(1), NOTHING)


def test_duplicates_do_not_grow_the_memory() -> None:
    state = BurstState([RULE])
    flood = signals(*[second / 100 for second in range(5_000)])
    for offset in range(40):
        state.feed(offset, at(50), flood)
        state.close()

        assert state.size < 40_000

    assert state.open_windows >= 1
    assert state.finish().bursts["count"].to_list() == [5_000]
    assert state.counters.duplicates == 39 * 5_000


def test_without_rules_and_without_rows_nothing_happens() -> None:
    state = BurstState([])
    assert state.committable() is None
    assert state.close().bursts.is_empty()
    state.feed(0, at(1), signals(1))

    assert state.finish().bursts.is_empty()
    assert state.counters.unknown == 1


def test_after_the_end_everything_is_late() -> None:
    state = BurstState([RULE])
    state.finish()
    state.feed(0, at(1), signals(1, 2, 3))

    assert state.finish().bursts.is_empty()
    assert state.counters.late == 3

import pytest

from pipeline.stages.watermark import METADATA_LIMIT, PartitionClock, Progress, Watermark, restore_watermark

IDLE = 30_000


def test_a_clock_follows_the_newest_event() -> None:
    clock = PartitionClock(0, 1, IDLE)

    assert clock.observe(5_000, now=100_000) == Progress(0, 1, 5_000)
    assert clock.observe(4_000, now=101_000).watermark == 5_000
    assert clock.observe(6_000, now=102_000).watermark == 6_000


def test_a_silent_partition_moves_on_with_the_wall_clock_and_then_is_idle() -> None:
    clock = PartitionClock(0, 1, IDLE)
    clock.observe(5_000, now=100_000)

    assert clock.wait(now=110_000) == Progress(0, 1, 15_000, idle=False)
    assert clock.wait(now=130_000) == Progress(0, 1, 35_000, idle=True)
    assert clock.observe(20_000, now=131_000) == Progress(0, 1, 35_000, idle=False)


def test_a_wall_clock_that_goes_back_moves_nothing_back() -> None:
    clock = PartitionClock(0, 1, IDLE)
    clock.observe(5_000, now=100_000)
    clock.wait(now=120_000)

    assert clock.wait(now=90_000).watermark == 25_000


def test_an_empty_partition_has_no_watermark_and_becomes_idle() -> None:
    clock = PartitionClock(0, 1, IDLE)

    assert clock.wait(now=100_000) == Progress(0, 1, None, idle=False)
    assert clock.wait(now=130_000) == Progress(0, 1, None, idle=True)


def test_a_partition_that_brings_no_times_for_long_is_idle() -> None:
    clock = PartitionClock(0, 1, IDLE)
    clock.observe(5_000, now=100_000)

    assert clock.observe(None, now=110_000, recorded=99_000) == Progress(0, 1, 5_000, idle=False)
    assert clock.observe(None, now=130_000, recorded=99_000) == Progress(0, 1, 5_000, idle=True)


def test_records_stand_in_for_events_that_never_bear_a_time_but_not_at_once() -> None:
    clock = PartitionClock(0, 1, IDLE)

    assert clock.observe(None, now=100_000, recorded=99_000) == Progress(0, 1, None, idle=False)
    assert clock.observe(None, now=130_000, recorded=129_000) == Progress(0, 1, 129_000, idle=False)
    assert clock.wait(now=135_000) == Progress(0, 1, 134_000, idle=False)
    assert clock.wait(now=160_000) == Progress(0, 1, 159_000, idle=True)


def test_events_with_times_are_believed_before_records() -> None:
    clock = PartitionClock(0, 1, IDLE)
    clock.observe(None, now=100_000, recorded=99_000)

    assert clock.observe(2_000, now=101_000).watermark == 2_000


def test_a_restored_clock_moves_on_by_the_time_it_was_away() -> None:
    clock = PartitionClock(3, 8, IDLE)
    clock.observe(5_000, now=100_000)

    restored = PartitionClock(3, 8, IDLE, restored=clock.dump())

    assert len(clock.dump()) <= 40
    assert restored.wait(now=160_000) == Progress(3, 8, 65_000, idle=True)


@pytest.mark.parametrize("text", ["", "w1", "w1 x 5", "w1 5 -", "w2 5 5", "anything else at all"])
def test_a_clock_restored_from_something_else_starts_afresh(text: str) -> None:
    assert PartitionClock(0, 1, IDLE, restored=text).wait(now=1).watermark is None


def test_the_watermark_is_the_minimum_of_partitions_that_are_not_idle() -> None:
    watermark = Watermark().follow(Progress(0, 3, 100))
    assert watermark.time is None
    watermark = watermark.follow(Progress(1, 3, 50)).follow(Progress(2, 3, None, idle=True))
    assert watermark.time == 50

    assert watermark.follow(Progress(1, 3, 50, idle=True)).time == 100


def test_a_partition_that_is_read_and_has_shown_no_time_yet_holds_the_others() -> None:
    watermark = Watermark().follow(Progress(0, 2, 100)).follow(Progress(1, 2, None))

    assert watermark.time is None


def test_when_all_partitions_are_idle_the_newest_counts() -> None:
    watermark = Watermark().follow(Progress(0, 2, 100, idle=True)).follow(Progress(1, 2, 50, idle=True))

    assert watermark.time == 100


def test_partitions_that_are_added_to_the_topic_are_waited_for() -> None:
    watermark = Watermark().follow(Progress(0, 1, 100)).follow(Progress(0, 2, 200))
    assert watermark.time == 100

    assert watermark.follow(Progress(1, 2, 150)).time == 150


def test_a_partition_keeps_its_watermark_when_a_new_reader_knows_none() -> None:
    watermark = Watermark().follow(Progress(0, 2, 100)).follow(Progress(1, 2, 50))

    watermark = watermark.follow(Progress(0, 2, None)).follow(Progress(1, 2, 80))

    assert watermark.time == 80


def test_a_reader_that_has_not_heard_of_new_partitions_does_not_make_them_forgotten() -> None:
    watermark = Watermark().follow(Progress(1, 2, 100)).follow(Progress(0, 1, 100))

    assert restore_watermark(watermark.dump()) == watermark
    assert watermark.partitions == 2


def test_the_dump_is_short_and_exact_and_a_thousand_partitions_still_fit() -> None:
    small = Watermark()
    for index in range(12):
        small = small.follow(Progress(index, 12, 1_767_225_600_000 + index * 7, idle=index == 3))
    large = Watermark()
    for index in range(1_000):
        large = large.follow(Progress(index, 1_000, 1_767_225_600_000 + index % 200))

    assert len(small.dump()) < 100
    assert restore_watermark(small.dump()) == small
    assert len(large.dump()) <= METADATA_LIMIT
    assert restore_watermark(large.dump()) == large


def test_beyond_the_limit_the_merged_time_is_kept_for_all() -> None:
    watermark = Watermark()
    for index in range(1_000):
        watermark = watermark.follow(Progress(index, 1_000, 1_767_225_600_000 + index * 60_000))

    text = watermark.dump()
    restored = restore_watermark(text)

    assert len(text) <= METADATA_LIMIT
    assert restored.time == watermark.time
    assert restored.follow(Progress(0, 1_000, 1_767_225_700_000)).time == watermark.time


@pytest.mark.parametrize("text", ["", "5", "5 x 0 1", "5 2 0 1", "5 1 0 zz", "5 1 0 1 1", "5 2"])
def test_a_watermark_is_restored_from_its_dump_only(text: str) -> None:
    with pytest.raises(ValueError, match="no watermark can be read"):
        restore_watermark(text)

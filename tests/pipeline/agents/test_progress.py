"""When the progress of raw partitions is told: at once with signals, else a little later, and never forgotten."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.agents.ports import Ports
from pipeline.agents.progress import Clocks
from pipeline.kafka.ledger import Assignment

IDLE = 30_000
START = 1_773_652_000_000


class Time:
    """A wall clock that is set by hand, epoch ms."""

    def __init__(self) -> None:
        self.now = START


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def clocks(time: Time) -> Clocks:
    settings: Any = SimpleNamespace(bursts=SimpleNamespace(idle=IDLE / 1000))
    ports = SimpleNamespace(settings=settings, burst_rules=(), now=lambda: time.now)
    made = Clocks(cast(Ports, ports))
    made.assign({number: Assignment(number, 1, None) for number in (0, 1)})
    return made


def take(clocks: Clocks, has_signals: bool = False) -> dict[int, int | None]:
    return {progress.partition: progress.watermark for progress in clocks.take(has_signals)}


def test_progress_without_signals_waits_a_little_and_then_goes_for_all_partitions(
    clocks: Clocks, time: Time
) -> None:
    clocks.observe(0, START, None)
    assert take(clocks) == {0: START}, "the first is told at once"
    time.now += 100
    clocks.observe(0, START + 1, None)
    assert take(clocks) == {}
    time.now += 100
    clocks.observe(1, START + 2, None)
    assert take(clocks) == {}
    time.now += 100
    clocks.observe(0, START + 3, None)
    assert take(clocks) == {0: START + 3, 1: START + 2}
    time.now += 1_000
    assert take(clocks) == {}, "each once"


def test_signals_take_all_progress_with_them(clocks: Clocks, time: Time) -> None:
    clocks.observe(0, START, None)
    take(clocks)
    time.now += 10
    clocks.observe(0, START + 1, None)
    assert take(clocks) == {}
    clocks.observe(1, START + 2, None)

    assert take(clocks, has_signals=True) == {0: START + 1, 1: START + 2}


def test_a_partition_that_falls_silent_has_nothing_held_back(clocks: Clocks, time: Time) -> None:
    clocks.observe(0, START, None)
    take(clocks)
    time.now += 100
    clocks.observe(0, START + 50, None)
    assert take(clocks) == {}
    time.now += 2_000

    told = clocks.wait(0)

    assert told is not None
    assert told.watermark == START + 2_050
    assert take(clocks) == {}


def test_a_partition_that_was_silent_is_told_of_at_once(clocks: Clocks, time: Time) -> None:
    clocks.observe(0, START, None)
    take(clocks)
    assert clocks.wait(1) is not None
    time.now += 10
    clocks.observe(1, START + 7, None)

    assert take(clocks) == {1: START + 7}


def test_the_clock_set_back_holds_nothing(clocks: Clocks, time: Time) -> None:
    clocks.observe(0, START, None)
    take(clocks)
    time.now -= 3_600_000
    clocks.observe(0, START + 1, None)

    assert take(clocks) == {0: START + 1}


def test_what_was_held_is_not_told_under_another_assignment(clocks: Clocks, time: Time) -> None:
    clocks.observe(0, START, None)
    take(clocks)
    time.now += 10
    state = clocks.observe(0, START + 5, None)
    assert take(clocks) == {}

    clocks.assign({1: Assignment(1, 2, None)})

    assert clocks.observe(0, START + 6, None) == ""
    clocks.observe(1, START, None)
    assert take(clocks) == {1: START}
    assert str(START + 5) in state, "the commit has it, for whoever reads the partition now"

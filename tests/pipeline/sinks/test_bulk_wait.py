import asyncio
from collections.abc import Iterator

import pytest
from loguru import logger

from pipeline.sinks.bulk_wait import Patience, Waiting


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    number = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(number)


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    patience = Patience(first=1.0, longest=10.0)
    assert [patience.choose_pause(attempt, 1.0) for attempt in range(6)] == [1, 2, 4, 8, 10, 10]
    assert patience.choose_pause(10_000, 0.0) == 5.0


def test_the_log_speaks_once_in_a_while_for_all_who_wait_and_when_it_is_over(told: list[str]) -> None:
    moments = iter([0.0, 10.0, 29.0, 31.0, 45.0])

    async def run() -> None:
        waiting = Waiting(Patience(first=0, longest=0), asyncio.Event(), lambda: next(moments))
        one, other = object(), object()
        await waiting.pause(one, 0, 100, "refused")
        await waiting.pause(other, 0, 20, "refused")
        await waiting.pause(one, 1, 100, "refused")
        await waiting.pause(one, 2, 90, "gone")
        waiting.end(other)
        waiting.end(one)
        waiting.end(one)

    asyncio.run(run())
    assert told == [
        "Elasticsearch does not take documents (refused). 100 documents wait, for 0 s now; retrying.",
        "Elasticsearch does not take documents (gone). 110 documents wait, for 31 s now; retrying.",
        "Elasticsearch takes documents again, after 45 s.",
    ]


def test_stop_ends_a_pause_at_once() -> None:
    async def run() -> None:
        stop = asyncio.Event()
        waiting = Waiting(Patience(first=3600, longest=3600), stop, lambda: 0.0)
        task = asyncio.create_task(waiting.pause(object(), 0, 1, "x"))
        await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(task, 5)

    asyncio.run(run())

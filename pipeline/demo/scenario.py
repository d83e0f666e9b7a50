"""A few minutes of logs with two bursts of errors hidden in them; a seed gives the same bytes everywhere."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from pipeline.demo.sources import (
    DATABASE,
    SHOP,
    SOURCES,
    SSHD,
    Maker,
    Source,
    make_pool_exhausted,
    make_too_many_connections,
)

START = int(datetime(2026, 3, 16, 9, 0, tzinfo=UTC).timestamp() * 1000)
MINUTES = 4
MINUTE = 60_000
# Well below the shipped burst rules, which begin at ten errors and at twenty answers of 500 a minute.
STRAYS_PER_MINUTE = 3


@dataclass(frozen=True, slots=True, order=True)
class HiddenBurst:
    """What must be found: the windows (epoch ms, the end exclusive) and how many errors fall into them."""

    start: int
    end: int
    rule: str
    dataset: str
    count: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """Log files by path, each a list of events in order of time, and the bursts in them."""

    files: Mapping[str, list[str]]
    hidden: tuple[HiddenBurst, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    source: Source
    make: Maker
    dataset: str
    start: int
    length: int
    per_second: int


def build_scenario(seed: int, lines: int) -> Scenario:
    """Some `lines` lines over `MINUTES` minutes from `START` on, and the bursts on top of them.

    Every minute has a few stray errors in every log but the ones that burst in that minute, so that the first
    and the last error there are the burst's own.
    """
    plans = _plan_bursts(Random(seed))
    files: dict[str, list[str]] = {}
    for number, source in enumerate(SOURCES):
        random = Random(seed * 1000 + number)
        own = [plan for plan in plans if plan.source is source]
        makers = [
            (time, source.make)
            for time in _spread(random, START, MINUTES * MINUTE, int(lines * source.share))
        ]
        makers += [(time, source.make_stray) for time in _find_strays(random, source, own)]
        makers += [(time, plan.make) for plan in own for time in _to_times(plan)]
        makers.sort(key=lambda item: item[0])
        files[source.path] = [make(random, time) for time, make in makers]
    return Scenario(files, tuple(sorted(_to_hidden(plan) for plan in plans)))


def write_scenario(scenario: Scenario, directory: Path) -> tuple[str, ...]:
    """Write the files and give their paths.

    They seem last changed when the logs end: syslog's times lack a year.
    """
    end = (START + MINUTES * MINUTE) / 1000
    paths = []
    for name, events in scenario.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{event}\n" for event in events), encoding="utf-8", newline="\n")
        os.utime(path, (end, end))
        paths.append(str(path))
    return tuple(paths)


def _plan_bursts(random: Random) -> tuple[_Plan, ...]:
    """One burst across two windows and one within a window, well above the threshold in all of them."""
    shop = START + MINUTE + 15_000 + int(random.random() * 15_000)
    database = START + 3 * MINUTE + 5_000 + int(random.random() * 15_000)
    return (
        _Plan(SHOP, make_pool_exhausted, "java.log", shop, 60_000 + int(random.random() * 10_000), 4),
        _Plan(
            DATABASE,
            make_too_many_connections,
            "postgresql.log",
            database,
            25_000 + int(random.random() * 10_000),
            6,
        ),
    )


def _to_times(plan: _Plan) -> range:
    return range(plan.start, plan.start + plan.length, 1000 // plan.per_second)


def _to_hidden(plan: _Plan) -> HiddenBurst:
    times = _to_times(plan)
    return HiddenBurst(
        start=times[0] // MINUTE * MINUTE,
        end=times[-1] // MINUTE * MINUTE + MINUTE,
        rule="errors",
        dataset=plan.dataset,
        count=len(times),
    )


def _find_strays(random: Random, source: Source, plans: list[_Plan]) -> list[int]:
    if source is SSHD:
        return []
    bursting = {time // MINUTE for plan in plans for time in _to_times(plan)}
    minutes = [START + minute * MINUTE for minute in range(MINUTES)]
    return [
        time
        for minute in minutes
        if minute // MINUTE not in bursting
        for time in _spread(random, minute, MINUTE, STRAYS_PER_MINUTE)
    ]


def _spread(random: Random, start: int, length: int, count: int) -> list[int]:
    """`count` times, evenly spread but for some noise, in order."""
    step = length / max(count, 1)
    return [start + int((at + random.random()) * step) for at in range(count)]

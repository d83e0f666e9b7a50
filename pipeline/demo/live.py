"""Logs that go on being written, with today's times: something for shippers to ship."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from pipeline.demo.scenario import STRAYS_PER_MINUTE
from pipeline.demo.sources import (
    DATABASE,
    SHOP,
    SOURCES,
    Maker,
    Source,
    make_pool_exhausted,
    make_too_many_connections,
)

TICK_SECONDS = 0.2
ROTATE_BYTES = 32 * 1024 * 1024
_PERIOD = 5
# In which minute of five, between which of its seconds, and how many errors a second.
_BURSTS = ((1, SHOP, make_pool_exhausted, 4), (3, DATABASE, make_too_many_connections, 6))
_BURST_SECONDS = range(5, 45)


def append_lines(
    directory: Path,
    rate: float,
    random: Random,
    now: Callable[[], int],
    wait: Callable[[float], bool],
    rotate_bytes: int = ROTATE_BYTES,
) -> int:
    """Append about `rate` events a second to the demo's files until `wait` says to stop; gives their number.

    `now` is the time in epoch milliseconds; `wait` sleeps for some seconds and tells whether to stop. Every
    five minutes have two bursts of errors. A file is renamed to `<name>.1` and begun anew when it has grown
    to `rotate_bytes`.
    """
    written = 0
    owed: dict[Maker, float] = {}
    last = now()
    while not wait(TICK_SECONDS):
        time = now()
        # A suspended machine does not make up for what it slept through.
        seconds = min(max(time - last, 0) / 1000, 5 * TICK_SECONDS)
        last = time
        for source in SOURCES:
            events: list[str] = []
            for make, share in _find_makers(source, rate, time):
                due = owed.get(make, random.random()) + share * seconds
                events += [make(random, time) for _ in range(int(due))]
                owed[make] = due % 1
            written += len(events)
            _append(directory / source.path, events, rotate_bytes)
    return written


def _find_makers(source: Source, rate: float, time: int) -> list[tuple[Maker, float]]:
    """What a source writes at a moment, and how often a second."""
    makers = [(source.make, rate * source.share)]
    minute, second = time // 60_000 % _PERIOD, time // 1000 % 60
    for burst_minute, bursting, make, per_second in _BURSTS:
        if bursting is source and burst_minute == minute and second in _BURST_SECONDS:
            return [*makers, (make, float(per_second))]
    if source.make_stray is not source.make:
        makers.append((source.make_stray, STRAYS_PER_MINUTE / 60))
    return makers


def _append(path: Path, events: list[str], rotate_bytes: int) -> None:
    if not events:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size >= rotate_bytes:
        path.replace(path.with_name(f"{path.name}.1"))
    # In one write: a shipper that reads in between finds whole lines.
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write("".join(f"{event}\n" for event in events))

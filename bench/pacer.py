"""Sends lines at a steady rate: `python -m bench.pacer SERVER TOPIC RATE SECONDS`."""

import asyncio
import contextlib
import os
import sys
import time

from bench.lines import make_mixed
from pipeline.kafka.producer import BatchProducer
from pipeline.settings import KafkaSettings

TICK = 0.02
VARIETY = 50_000


async def pace(server: str, topic: str, rate: float, seconds: float) -> None:
    """As many lines a tick as the time that has passed asks for; each tick's go to one partition or another."""
    lines = [line.encode() for line in make_mixed(VARIETY)]
    producer = BatchProducer(KafkaSettings(bootstrap_servers=(server,), compression="none"))
    await producer.start()
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        wanted = int(passed * rate)
        if wanted > sent:
            await producer.send(topic, [lines[number % VARIETY] for number in range(sent, wanted)])
            sent = wanted
        await asyncio.sleep(TICK)
    await producer.stop()


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):  # the core of the worker is the worker's
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0) or {0})
    asyncio.run(pace(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))

"""Keeps a raw topic ahead of the worker that reads it: `python -m bench.feeder SERVER RAW EVENTS KIND` until SIGTERM.

KIND is one of `bench.lines.MAKERS`, or `envelopes`. It sends as long as fewer than `AHEAD` lines have no document yet,
so that the worker never waits and the disk does not fill. Each time that the lines begin anew they are a day later.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.lines import MAKERS, to_envelope
from bench.topics import PARTITIONS
from pipeline.demo.scenario import START
from pipeline.kafka.producer import BatchProducer
from pipeline.settings import KafkaSettings

AHEAD = 600_000
VARIETY = 100_000
ENVELOPES = "envelopes"
DATES = ("%d/%b/%Y", "%Y/%m/%d", "%Y-%m-%d", "%b %d ")


def make_days(kind: str) -> Iterator[list[bytes]]:
    """The lines of a day, again and again."""
    lines = MAKERS["demo" if kind == ENVELOPES else kind](VARIETY)
    first = datetime.fromtimestamp(START / 1000, UTC)
    whole = "\0".join(lines)
    for day in range(sys.maxsize):
        moment = first + timedelta(days=day % 200)
        shifted = whole
        for form in DATES:
            shifted = shifted.replace(first.strftime(form), moment.strftime(form))
        if kind == ENVELOPES:
            yield [to_envelope(line, day * VARIETY + at) for at, line in enumerate(shifted.split("\0"))]
        else:
            yield shifted.encode().split(b"\0")


async def feed(server: str, raw: str, events: str, kind: str) -> None:
    """Send lines over and over."""
    producer = BatchProducer(KafkaSettings(bootstrap_servers=(server,), compression="none"))
    consumer = AIOKafkaConsumer(bootstrap_servers=server)
    partitions = [TopicPartition(events, number) for number in range(PARTITIONS)]
    await producer.start()
    await consumer.start()
    sent = 0
    for values in make_days(kind):
        await producer.send(raw, values)
        sent += len(values)
        while sent - sum((await consumer.end_offsets(partitions)).values()) >= AHEAD:
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(feed(*sys.argv[1:]))

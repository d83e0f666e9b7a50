"""Keeps a raw topic ahead of the worker that reads it: `python -m bench.feeder SERVER RAW EVENTS KIND` until SIGTERM.

It sends as long as fewer than `AHEAD` lines have no document yet, so that the worker never waits and the disk does not
fill.
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.lines import MAKERS, to_envelope
from bench.topics import PARTITIONS
from pipeline.kafka.producer import BatchProducer
from pipeline.settings import KafkaSettings

AHEAD = 600_000
VARIETY = 100_000
ENVELOPES = "envelopes"


async def feed(server: str, raw: str, events: str, kind: str) -> None:
    """Send lines over and over."""
    lines = MAKERS["mixed" if kind == ENVELOPES else kind](VARIETY)
    values = [
        to_envelope(line, number) if kind == ENVELOPES else line.encode() for number, line in enumerate(lines)
    ]
    producer = BatchProducer(KafkaSettings(bootstrap_servers=(server,), compression="none"))
    consumer = AIOKafkaConsumer(bootstrap_servers=server)
    partitions = [TopicPartition(events, number) for number in range(PARTITIONS)]
    await producer.start()
    await consumer.start()
    sent = 0
    while True:
        done = sum((await consumer.end_offsets(partitions)).values())
        if sent - done < AHEAD:
            await producer.send(raw, values)
            sent += len(values)
        else:
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(feed(*sys.argv[1:]))

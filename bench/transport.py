"""The empty agent on the batch transport, beside the stock Faust agent and bare aiokafka, on one core and one topic.

    python -m bench.transport [--records 1000000]

Needs a Kafka (TAILRACE_TEST_KAFKA, or as the tests find one). The clock starts when a contender has got its first
batch, which does not count.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from bench.contender import Contender, Stopwatch, run_in_turns
from bench.options import Options
from bench.report import Row, Sample, compare, to_row
from bench.topics import filled_topic

PART = "transport"
LINE = b'192.168.17.4 - - [01/Jul/2026:10:00:00 +0000] "GET /shop/cart/%08d HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)"'
RECORDS = 1_000_000
QUICK = 200_000
# The stock agent would take minutes for what the others read in a second.
STOCK_SHARE = 20
GOAL = 30


def read_stock(server: str, topic: str, records: int) -> Sample:
    """Contender: a Faust agent that does nothing with single records."""
    import faust

    def build() -> tuple[Any, Any]:
        app = faust.App(
            f"stock-{uuid4()}",
            broker=f"kafka://{server}",
            datadir=tempfile.mkdtemp(prefix="tailrace-bench-"),
            topic_disable_leader=True,
            web_enabled=False,
        )
        return app, app.topic(topic, value_type=bytes, value_serializer="raw")

    return asyncio.run(_read_with(build, records, lambda _: 1))


def read_batches(server: str, topic: str, records: int) -> Sample:
    """Contender: an agent that does nothing with record batches."""
    from pipeline.kafka.batch_app import BatchApp
    from pipeline.kafka.options import BatchOptions

    def build() -> tuple[Any, Any]:
        app = BatchApp(
            f"batch-{uuid4()}",
            servers=(server,),
            options=BatchOptions(topics=frozenset({topic})),
            datadir=tempfile.mkdtemp(prefix="tailrace-bench-"),
        )
        return app, app.topic(topic)

    return asyncio.run(_read_with(build, records, len))


async def _read_with(
    build: Callable[[], tuple[Any, Any]], records: int, count: Callable[[Any], int]
) -> Sample:
    app, topic = build()
    watch, seen, first = Stopwatch(), 0, 0
    done = asyncio.Event()

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def empty(stream: Any) -> None:
        nonlocal seen, first
        async for value in stream:
            seen += count(value)
            first = first or seen
            watch.start()
            if seen >= records and not done.is_set():
                watch.stop()
                done.set()

    starting = asyncio.ensure_future(app.start())
    await done.wait()
    await starting
    await app.stop()
    return watch.to_sample(seen - first)


def list_contenders(server: str, topic: str, records: int) -> list[Contender]:
    """Bare aiokafka, stock Faust, the batch transport."""
    few = {"server": server, "topic": topic, "records": records // STOCK_SHARE}
    all_of_them = {**few, "records": records}
    return [
        Contender("bare aiokafka getmany", "bench.topics:read_bare", all_of_them),
        Contender("stock Faust, empty agent", "bench.transport:read_stock", few),
        Contender("batch transport, empty agent", "bench.transport:read_batches", all_of_them),
    ]


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    records = options.choose(RECORDS, QUICK)
    server = options.kafka()
    blocks = (
        [LINE % number for number in range(start, min(start + 100_000, records))]
        for start in range(0, records, 100_000)
    )
    with filled_topic(server, blocks) as topic:
        samples = run_in_turns(list_contenders(server, topic, records), options.rounds)
    bare, stock, batch = samples.values()
    return [
        *(to_row(PART, name, found) for name, found in samples.items()),
        *compare(PART, "batch transport / stock Faust", batch, stock, GOAL),
        *compare(PART, "batch transport / bare aiokafka", batch, bare),
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

"""The agent parse: raw records in; documents, signals and dead letters out."""

import asyncio
import contextlib
from typing import Any, Final

from loguru import logger

from pipeline.agents.dead import Letter, send_letters, to_letter
from pipeline.agents.dead_mask import describe_failure
from pipeline.agents.lanes import Handler, Lanes, Work, open_lanes
from pipeline.agents.parsing import Parsed, parse_batch
from pipeline.agents.ports import Ports
from pipeline.agents.progress import Clocks
from pipeline.kafka.producer import ProducerStopped, RecordsTooLarge
from pipeline.kafka.records import RecordBatch
from pipeline.logs import every

# Two at a time: while one is in Polars, the other is in Python.
_THREADS: Final = 2
# What a batch became is eight times as large as the batch: so many, parsed or being parsed, wait for the broker.
_UNSENT: Final = 2
_TELL_EVERY: Final = 2.0
_SAY_EVERY: Final = 30.0


def add_parse_agent(app: Any, ports: Ports) -> None:
    """Give the app the agent, and the task that tells the progress of partitions without new records."""
    topics = ports.settings.kafka.topics
    clocks = Clocks(ports)
    app.ledger.on_assigned(topics.raw, clocks.assign)
    threads, unsent = asyncio.Semaphore(_THREADS), asyncio.Semaphore(_UNSENT)
    is_due = every(_SAY_EVERY)

    def report(batch: RecordBatch, error: Exception) -> None:
        if is_due(type(error)):
            failure = describe_failure(error, ports.flow.read().rules.masker)
            logger.warning("A stage failed on {}; looking for the records it fails on: {}", batch, failure)

    def build_handler(lanes: Lanes) -> Handler:
        async def handle(work: Work) -> None:
            await unsent.acquire()
            try:
                async with threads:
                    parsed = await asyncio.to_thread(
                        parse_batch, work.batch, ports.flow.read(), report, ports.seen
                    )
            except BaseException:
                unsent.release()
                raise
            # Its outputs travel while the partition's next batch is parsed.
            sending = lanes.spawn(send_parsed(ports, clocks, work, parsed))
            sending.add_done_callback(lambda _: unsent.release())

        return handle

    @app.agent(app.topic(topics.raw), name="tailrace-parse")
    async def parse(stream: Any) -> None:
        stream.enable_acks = False
        async with open_lanes(app, build_handler) as lanes:
            async for event in stream.events():
                lanes.put(event)

    @app.task
    async def tell_progress() -> None:
        while not app.should_stop:
            await app.sleep(_TELL_EVERY)
            with contextlib.suppress(ProducerStopped):
                for number in clocks.partitions():
                    await tell_silence(app, clocks, topics.raw, number)


async def send_parsed(ports: Ports, clocks: Clocks, work: Work, parsed: Parsed) -> None:
    """Send everything that a batch became, and acknowledge it when all of that is with the broker."""
    topics = ports.settings.kafka.topics

    async def send_documents() -> None:
        if not parsed.values:
            return
        try:
            await ports.producer.send(topics.events, parsed.values, parsed.keys, parsed.times)
        except RecordsTooLarge as error:
            letters = [_to_large(work, parsed, index, error) for index in error.indices]
            await send_letters(ports.producer, topics.dead, letters, ports.flow.read().rules.masker)

    async def send_signals() -> str:
        async with clocks.order(work.batch.partition):
            progress, state = clocks.observe(work.batch.partition, parsed.newest, parsed.recorded)
            if progress is not None:
                await clocks.send(progress, parsed.signals)
            return state

    masker = ports.flow.read().rules.masker
    _, state, _ = await asyncio.gather(
        send_documents(), send_signals(), send_letters(ports.producer, topics.dead, parsed.letters, masker)
    )
    work.done(state)


async def tell_silence(app: Any, clocks: Clocks, topic: str, number: int) -> None:
    """Tell the progress of a partition that is read to its end, unless something is on its way."""
    partition = app.to_partition(topic, number)
    position, end = app.read_end(partition)
    if position is None or end is None or position < end or app.ledger.in_flight(partition):
        return
    order = clocks.order(number)
    if order.locked():
        return
    async with order:
        progress = clocks.wait(number)
        if progress is not None:
            await clocks.send(progress)


def _to_large(work: Work, parsed: Parsed, index: int, error: RecordsTooLarge) -> Letter:
    return to_letter(work.batch, parsed.rows[index], "parse", "too_large", str(error), parsed.values[index])

"""The agent parse: raw records in; documents, signals and dead letters out."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from typing import Any, Final

import polars as pl
from loguru import logger

from pipeline.agents.dead import send_letters
from pipeline.agents.dead_mask import describe_failure
from pipeline.agents.gather import Bounds, open_gatherer
from pipeline.agents.letter import Letter, to_letter
from pipeline.agents.parsing import Parsed, locate, parse_batches
from pipeline.agents.ports import Ports
from pipeline.agents.progress import Clocks
from pipeline.agents.work import Work
from pipeline.kafka.encode import read_record
from pipeline.kafka.producer import ProducerStopped, RecordsTooLarge
from pipeline.kafka.records import RecordBatch
from pipeline.logs import every

# Two at a time under full load: while one is in Polars, the other is in Python. Below that, or with one core, the two
# would only hinder each other.
_THREADS: Final = 2
# A group is so many batches of full size. What it costs whatever its size is a third of what 4,500 envelopes cost, a
# fifth of what 9,000 do; bare lines reach the bound of records first.
_GROUP: Final = 2
# So many groups, parsed or being parsed, wait for the broker: compressed, with the raw batches that they came from.
_UNSENT: Final = 2
# A group has a fixed cost, for each rule in it, that equals parsing some thousand lines. Fewer wait so many times as
# long as the last group took: so that a trickle costs a third of a core at most, and what comes faster half of one.
_ENOUGH: Final = 2_000
_PAUSE: Final = 2.0
_SHORT_PAUSE: Final = 1.0
_MANY: Final = 250
_TELL_EVERY: Final = 2.0
_SAY_EVERY: Final = 30.0


def add_parse_agent(app: Any, ports: Ports) -> None:
    """Give the app the agent, and the task that tells the progress of partitions without new records."""
    kafka = ports.settings.kafka
    topics = kafka.topics
    clocks = Clocks(ports)
    app.ledger.on_assigned(topics.raw, clocks.assign)
    is_due = every(_SAY_EVERY)

    def report(batch: RecordBatch, error: Exception) -> None:
        if is_due(type(error)):
            failure = describe_failure(error, ports.flow.read().rules.masker)
            logger.warning("A stage failed on {}; looking for the records it fails on: {}", batch, failure)

    async def handle(works: Sequence[Work]) -> Awaitable[None]:
        batches = [work.batch for work in works]
        flow, encode = ports.flow.read(), ports.producer.encode
        parsed = await asyncio.to_thread(parse_batches, batches, flow, encode, report, ports.seen)
        # Its outputs travel while the next group is parsed.
        return send_parsed(ports, clocks, works, parsed)

    threads = min(_THREADS, pl.thread_pool_size())
    bounds = Bounds(
        kafka.batch_records,
        _GROUP * kafka.batch_bytes,
        threads,
        _UNSENT,
        beside=kafka.batch_records // 2,
        enough=_ENOUGH,
        pause=_PAUSE,
        short_pause=_SHORT_PAUSE,
        many=_MANY,
    )

    @app.agent(app.topic(topics.raw), name="tailrace-parse")
    async def parse(stream: Any) -> None:
        stream.enable_acks = False
        async with open_gatherer(app, handle, bounds) as gatherer:
            async for event in stream.events():
                gatherer.put(event)

    @app.task
    async def tell_progress() -> None:
        while not app.should_stop:
            await app.sleep(_TELL_EVERY)
            with contextlib.suppress(ProducerStopped):
                for number in clocks.partitions():
                    await tell_silence(app, clocks, topics.raw, number)


async def send_parsed(ports: Ports, clocks: Clocks, works: Sequence[Work], parsed: Parsed) -> None:
    """Send everything that batches became, and acknowledge them when all of that is with the broker."""
    topics = ports.settings.kafka.topics
    masker = ports.flow.read().rules.masker

    async def send_documents() -> None:
        try:
            await ports.producer.send_encoded(topics.events, parsed.documents)
        except RecordsTooLarge as error:
            letters = [_to_large(works, parsed, index, error) for index in error.indices]
            await send_letters(ports.producer, topics.dead, letters, masker)

    async def send_signals() -> list[str]:
        async with clocks.turn:
            states = [
                clocks.observe(work.batch.partition, newest.named, newest.recorded)
                for work, newest in zip(works, parsed.newest, strict=True)
            ]
            # Of partitions that were taken away, the signals are sent by whoever has them now.
            signals = parsed.signals if any(states) else parsed.signals.clear()
            if progresses := clocks.take(signals.height > 0):
                await clocks.send(progresses, signals)
            return states

    _, states, _ = await asyncio.gather(
        send_documents(), send_signals(), send_letters(ports.producer, topics.dead, parsed.letters, masker)
    )
    for work, state in zip(works, states, strict=True):
        work.done(state)


async def tell_silence(app: Any, clocks: Clocks, topic: str, number: int) -> None:
    """Tell the progress of a partition that is read to its end, unless something is on its way."""
    partition = app.to_partition(topic, number)
    position, end = app.read_end(partition)
    if position is None or end is None or position < end or app.ledger.in_flight(partition):
        return
    if clocks.turn.locked():
        return
    async with clocks.turn:
        progress = clocks.wait(number)
        if progress is not None:
            await clocks.send([progress])


def _to_large(works: Sequence[Work], parsed: Parsed, index: int, error: RecordsTooLarge) -> Letter:
    batch, row = locate([work.batch for work in works], parsed.rows[index])
    document = read_record(parsed.documents, index).value
    return to_letter(batch, row, "parse", "too_large", str(error), document)

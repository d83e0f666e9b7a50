"""The agent burst: signals in, bursts out. Its offsets are committed by hand, as far as no open window reaches back."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from loguru import logger

from pipeline.agents.dead import send_letters
from pipeline.agents.gather import Bounds, open_gatherer
from pipeline.agents.letter import Letter, to_letter
from pipeline.agents.ports import Ports
from pipeline.agents.work import Work
from pipeline.kafka.ledger import Assignment
from pipeline.kafka.records import RecordBatch
from pipeline.kafka.tracker import Commit
from pipeline.logs import every
from pipeline.stages.burst_document import to_burst_documents
from pipeline.stages.signal_codec import SignalError, decode_signals
from pipeline.stages.window import BurstState, Closed

_SAY_EVERY: Final = 30.0


def add_burst_agent(app: Any, ports: Ports) -> None:
    """Give the app the agent."""
    states: dict[int, BurstState] = {}
    told: dict[int, int] = {}
    is_due = every(_SAY_EVERY)
    kafka = ports.settings.kafka

    def assign(partitions: Mapping[int, Assignment]) -> None:
        states.clear()
        told.clear()
        for number, found in partitions.items():
            states[number] = restore_state(ports, number, found.committed.metadata if found.committed else "")

    app.ledger.on_assigned(kafka.topics.signals, assign)

    def tell_late(number: int, state: BurstState) -> None:
        late = state.counters.late
        if late > told.get(number, 0) and is_due(number):
            logger.warning(
                "{} events came after their window had closed and count in no burst; a longer `grace` takes them in",
                late - told.get(number, 0),
            )
            told[number] = late

    async def handle(works: Sequence[Work]) -> None:
        current = [states[work.batch.partition] for work in works]
        fed = await asyncio.to_thread(
            lambda: [feed_batch(state, work.batch) for state, work in zip(current, works, strict=True)]
        )
        await asyncio.gather(*map(settle, works, current, *zip(*fed, strict=True)))

    async def settle(work: Work, state: BurstState, closed: Closed, letters: tuple[Letter, ...]) -> None:
        await send_bursts(ports, closed)
        masker = ports.flow.read().rules.masker
        await send_letters(ports.producer, ports.settings.kafka.topics.dead, letters, masker)
        state.settle(closed.token)
        commit = state.committable()
        if commit is not None:
            app.ledger.commit_to(work.partition, work.epoch, Commit(commit.offset, commit.metadata))
        work.done()
        tell_late(work.batch.partition, state)

    bounds = Bounds(kafka.batch_records, kafka.batch_bytes, at_once=1, unfinished=1)

    @app.agent(app.topic(kafka.topics.signals), name="tailrace-burst")
    async def burst(stream: Any) -> None:
        stream.enable_acks = False
        async with open_gatherer(app, handle, bounds) as gatherer:
            async for event in stream.events():
                gatherer.put(event)


def restore_state(ports: Ports, number: int, metadata: str) -> BurstState:
    """The state of a signals partition as of its committed offset; afresh if that cannot be read."""
    try:
        return BurstState(ports.burst_rules, metadata)
    except ValueError as error:
        logger.warning("Signals partition {} begins afresh, bursts may come once more: {}", number, error)
        return BurstState(ports.burst_rules)


def feed_batch(state: BurstState, batch: RecordBatch) -> tuple[Closed, tuple[Letter, ...]]:
    """Feed a batch of signals: the windows that it closed, and letters for records that are no signals."""
    letters: list[Letter] = []
    for row, (offset, value) in enumerate(zip(batch.offsets, batch.values, strict=True)):
        try:
            progress, signals = decode_signals(value)
        except SignalError as error:
            letters.append(to_letter(batch, row, "burst", "invalid_record", str(error)))
        else:
            state.feed(offset, progress, signals)
    return state.close(), tuple(letters)


async def send_bursts(ports: Ports, closed: Closed) -> None:
    """Send the bursts of closed windows; returns when they are acknowledged."""
    if not closed.bursts.height:
        return
    settings = ports.settings
    documents = to_burst_documents(closed.bursts, ports.burst_rules)
    keys = [f"{settings.elasticsearch.bursts_index}/{identity}".encode() for identity in documents["_id"]]
    values = [document.encode() for document in documents["document"]]
    await ports.producer.send(settings.kafka.topics.bursts, values, keys, documents["time"].to_list())
    for message in closed.bursts.iter_rows(named=True):
        logger.info("Burst: {} of {}: {} events", message["rule"], message["group"], message["count"])

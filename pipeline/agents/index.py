"""The agent index: documents and bursts in, Elasticsearch out; what it refuses goes to the dead letters."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec

from pipeline.agents.dead import send_letters
from pipeline.agents.gather import Bounds, open_gatherer
from pipeline.agents.letter import Letter, to_letter
from pipeline.agents.parsing import locate
from pipeline.agents.ports import Ports
from pipeline.agents.work import Work
from pipeline.kafka.ledger import Assignment
from pipeline.kafka.records import RecordBatch
from pipeline.sinks.sink import Refusal


class _Event(msgspec.Struct):
    original: str | None = None


class _Document(msgspec.Struct):
    event: _Event = msgspec.field(default_factory=_Event)


_DOCUMENTS = msgspec.json.Decoder(_Document)


def to_index_letter(batch: RecordBatch, refusal: Refusal) -> Letter:
    """The letter for a refused document: the line it was made of, and the document beside it."""
    value = batch.values[refusal.row]
    letter = to_letter(batch, refusal.row, "index", refusal.reason, refusal.message, value)
    try:
        original = _DOCUMENTS.decode(value or b"").event.original
    except msgspec.DecodeError:
        return letter
    return letter if original is None else replace(letter, original=original.encode())


def add_index_agent(app: Any, ports: Ports) -> None:
    """Give the app the agent, which reads the topics of events and of bursts."""
    topics = ports.settings.kafka.topics
    names = (topics.events, topics.bursts)
    repeated_until: dict[tuple[str, int], int] = {}
    options = app.ledger.options
    # What a parse worker that died can have sent without committing it: its successor sends it again.
    reach = (options.partition_batches + 1) * options.batch_records

    def listen(name: str) -> None:
        def assign(partitions: Mapping[int, Assignment]) -> None:
            for number in partitions:
                repeated_until.pop((name, number), None)

        app.ledger.on_assigned(name, assign)

    for name in names:
        listen(name)

    def is_repeated(batch: RecordBatch) -> bool:
        # All that the partition holds when its first batch comes may have been written before: by a worker that
        # died, or by anyone if the group's offsets were set back or lost.
        until = repeated_until.setdefault((batch.topic, batch.partition), batch.high_watermark + reach)
        return batch.first_offset < until

    async def handle(works: Sequence[Work]) -> None:
        repeated = [work for work in works if is_repeated(work.batch)]
        fresh = [work for work in works if work not in repeated]
        await asyncio.gather(
            *(write_works(ports, part, check) for part, check in ((fresh, False), (repeated, True)) if part)
        )

    sink = ports.settings.elasticsearch
    # One more than are on their way, so that the next request is ready when an answer comes: if it is a full one. A
    # smaller one would wait for its turn while it could still grow.
    at_once = sink.concurrency + 1
    bounds = Bounds(
        sink.bulk_documents,
        sink.bulk_bytes,
        at_once,
        at_once,
        is_ordered=False,
        freely=sink.concurrency,
        beside=sink.bulk_documents,
    )

    @app.agent(app.topic(*names), name="tailrace-index")
    async def index(stream: Any) -> None:
        stream.enable_acks = False
        async with open_gatherer(app, handle, bounds) as gatherer:
            async for event in stream.events():
                gatherer.put(event)


async def write_works(ports: Ports, works: Sequence[Work], check_existing: bool) -> None:
    """Write the documents of batches together and acknowledge them; what is refused goes to the dead letters."""
    batches = [work.batch for work in works]
    keys, values = (
        (batches[0].keys, batches[0].values)
        if len(batches) == 1
        else (
            list(chain.from_iterable(batch.keys for batch in batches)),
            list(chain.from_iterable(batch.values for batch in batches)),
        )
    )
    result = await ports.sink.write(keys, values, check_existing=check_existing)
    letters = []
    for refusal in result.refused:
        batch, row = locate(batches, refusal.row)
        letters.append(to_index_letter(batch, replace(refusal, row=row)))
    topics = ports.settings.kafka.topics
    await send_letters(ports.producer, topics.dead, letters, ports.flow.read().rules.masker)
    unwritten = {id(locate(batches, row)[0]) for row in result.pending}
    for work in works:
        if id(work.batch) in unwritten:
            work.give_up()
        else:
            work.done()

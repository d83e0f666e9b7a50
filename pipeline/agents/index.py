"""The agent index: documents and bursts in, Elasticsearch out; what it refuses goes to the dead letters."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from pipeline.agents.dead import Letter, send_letters, to_letter
from pipeline.agents.lanes import Handler, Lanes, Work, open_lanes
from pipeline.agents.ports import Ports
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

    def build_handler(_: Lanes) -> Handler:
        async def handle(work: Work) -> None:
            batch = work.batch
            # All that the partition holds when its first batch comes may have been written before: by a worker that
            # died, or by anyone if the group's offsets were set back or lost.
            until = repeated_until.setdefault((batch.topic, batch.partition), batch.high_watermark + reach)
            is_repeated = batch.first_offset < until
            result = await ports.sink.write(batch.keys, batch.values, check_existing=is_repeated)
            letters = [to_index_letter(batch, refusal) for refusal in result.refused]
            await send_letters(ports.producer, topics.dead, letters, ports.flow.read().rules.masker)
            if result.pending:
                work.give_up()
            else:
                work.done()

        return handle

    @app.agent(app.topic(*names), name="tailrace-index")
    async def index(stream: Any) -> None:
        stream.enable_acks = False
        async with open_lanes(app, build_handler) as lanes:
            async for event in stream.events():
                lanes.put(event)

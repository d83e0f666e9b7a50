"""A Faust app whose transport hands over record batches."""

from typing import Any, Final

import faust
from faust.serializers.schemas import Schema
from faust.types import AppT, Message

from pipeline.kafka.assignor import SpreadingAssignor
from pipeline.kafka.ledger import Ledger
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.transport import SCHEME, StartSensor, register_transport

# Never full: a full queue would stop Faust from delivering anything, and the ledger's credit is the limit.
_QUEUE: Final = 1_000_000


class BatchSchema(Schema):
    """Passes keys and values on as they are: the value of a message is a RecordBatch."""

    def loads_key(self, app: AppT, message: Message, **_options: Any) -> Any:
        """The message's key, which batches have none of."""
        return message.key

    def loads_value(self, app: AppT, message: Message, **_options: Any) -> Any:
        """The batch."""
        return message.value


class BatchApp(faust.App):
    """`app.topic(name)` of one of `options.topics` gives a stream of RecordBatch; every other topic is Faust's own.

    Agents acknowledge a batch by going on to the next one, or with `stream.enable_acks = False` by `event.ack()`, and
    then its offsets are committed. What an agent did not acknowledge comes again after a restart.
    """

    def __init__(self, id: str, *, servers: tuple[str, ...], options: BatchOptions, **settings: Any) -> None:
        register_transport()
        self.ledger = Ledger(options)
        defaults = {
            "broker": [f"{SCHEME}://{server}" for server in servers],
            "PartitionAssignor": SpreadingAssignor,
            "topic_disable_leader": True,
            "web_enabled": False,
            "stream_wait_empty": True,
            "broker_request_timeout": 40.0,
        }
        super().__init__(id, **{**defaults, **settings})
        self.sensors.add(StartSensor())

    def topic(self, *topics: str, **options: Any) -> Any:
        """As `faust.App.topic`. Our topics and others cannot be read by one agent: a ValueError."""
        ours = self.ledger.options.topics.intersection(topics)
        if not ours:
            return super().topic(*topics, **options)
        if len(ours) != len(topics):
            others = ", ".join(sorted(set(topics) - ours))
            raise ValueError(
                f"{', '.join(sorted(ours))} come as record batches and {others} as single records:"
                " give each its own agent"
            )
        topic = super().topic(*topics, **{**options, "schema": BatchSchema(), "acks": False})
        topic.maxsize = _QUEUE  # App.topic takes a maxsize and drops it (faust/app/base.py, App.topic)
        return topic

"""What the agents need from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from parsers.burst_model import BurstRule
from pipeline.flow import Flow
from pipeline.kafka.producer import BatchProducer
from pipeline.live import Live
from pipeline.reload.seen import Seen
from pipeline.settings import Settings
from pipeline.sinks.sink import DocumentSink


def read_clock() -> int:
    """The wall clock, epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Ports:
    """The pure flow (which new rules exchange), what is seen of live lines, the two ways out, and the clock."""

    settings: Settings
    flow: Live[Flow]
    seen: Seen
    burst_rules: tuple[BurstRule, ...]
    producer: BatchProducer
    sink: DocumentSink
    now: Callable[[], int] = read_clock

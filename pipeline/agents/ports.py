"""What the agents need from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from parsers.burst_model import BurstRule
from pipeline.flow import Flow
from pipeline.kafka.producer import BatchProducer
from pipeline.settings import Settings
from pipeline.sinks.sink import DocumentSink


def read_clock() -> int:
    """The wall clock, epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Ports:
    """The pure flow, the two ways out, and the clock."""

    settings: Settings
    flow: Flow
    burst_rules: tuple[BurstRule, ...]
    producer: BatchProducer
    sink: DocumentSink
    now: Callable[[], int] = read_clock

"""Kafka and file runs over the same lines give the same documents and the same bursts: the pure half of that law.

Records are cut into batches, spread over partitions, sent twice and read again after crashes, with the agents' own
stages in between; one batch with everything in it, closed at its end, says what has to come out.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import TypeAlias

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.bursts import load_burst_rules
from parsers.load import load_rule_set
from parsers.shipped import shipped_rules_directory
from pipeline.agents.burst import feed_batch
from pipeline.agents.parsing import Parsed, parse_batches
from pipeline.agents.progress import encode_progresses
from pipeline.flow import Flow, build_flow
from pipeline.kafka.records import RecordBatch
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.signal_codec import split_signals
from pipeline.stages.watermark import PartitionClock, Progress
from pipeline.stages.window import BurstState, Commit
from tests.encoded import ENCODE, read_documents

START = 1_782_900_000_000  # a whole minute
# A threshold that a few lines reach.
BURST_RULES = tuple(replace(rule, threshold=2) for rule in load_burst_rules(shipped_rules_directory()))
# Less than the grace of the shipped burst rules, so that no line is late.
JITTER = 20_000
IDLE = 30_000
DAY = 86_400_000
BEGINNING = Commit(0, "")

Burst: TypeAlias = tuple[str, str, int, int, int, int, int]
Documents: TypeAlias = dict[bytes, object]


@cache
def load_flow() -> Flow:
    return build_flow(load_rule_set(shipped_rules_directory(), "UTC"), BURST_RULES)


@dataclass(frozen=True, slots=True)
class Sent:
    """A raw record: when it is sent (which decides the order in its partition), its own time, and its envelope."""

    at: int
    time: int
    value: bytes


@st.composite
def lines(draw: st.DrawFn) -> list[Sent]:
    """Errors and other lines over six minutes, some without a time; read as they are written, or days later."""
    is_replay = draw(st.booleans())
    made: list[Sent] = []
    for number in range(draw(st.integers(1, 80))):
        # Few minutes and much of it errors, so that windows reach the threshold.
        moment = START + draw(st.integers(0, 5)) * 60_000 + draw(st.integers(0, 59_999))
        kind = draw(st.sampled_from(["error", "error", "error", "info", "untimed"]))
        at = moment + draw(st.integers(0, JITTER))
        made.append(
            Sent(
                at, START + 3 * DAY if is_replay else at, write_envelope(kind, number, moment, at, is_replay)
            )
        )
    return made


def write_envelope(kind: str, number: int, moment: int, at: int, is_replay: bool) -> bytes:
    clock = datetime.fromtimestamp(moment / 1000, UTC)
    text = {
        "error": f"{clock:%Y-%m-%d %H:%M:%S},{moment % 1000:03d} [main] ERROR com.example.Shop - order {number} failed",
        "info": f"{clock:%Y-%m-%d %H:%M:%S},{moment % 1000:03d} [main] INFO  com.example.Shop - order {number} done",
        "untimed": f"no rule knows this, number {number}",
    }[kind]
    seen = datetime.fromtimestamp((START + 3 * DAY if is_replay else at) / 1000, UTC)
    event = {
        "@timestamp": f"{seen:%Y-%m-%dT%H:%M:%S}.{seen.microsecond // 1000:03d}Z",
        "@metadata": {"beat": "filebeat"},
        "message": text,
        "log": {"offset": number * 200, "file": {"path": "/srv/shop.log"}},
        "host": {"name": "a"},
        "agent": {"id": "x"},
    }
    return json.dumps(event).encode()


def to_batch(partition: int, records: Sequence[Sent], first: int) -> RecordBatch:
    count = len(records)
    return RecordBatch(
        "raw",
        partition,
        first,
        first + count,
        range(first, first + count),
        [record.time for record in records],
        [None] * count,
        [record.value for record in records],
        first + count,
    )


def parse(*batches: RecordBatch) -> Parsed:
    def refuse(batch: RecordBatch, error: Exception) -> None:
        raise AssertionError(f"{batch}: {error}")

    parsed = parse_batches(batches, load_flow(), ENCODE, refuse)
    assert parsed.letters == ()
    return parsed


def to_documents(parsed: Parsed) -> Documents:
    """By `_id`, without the place in Kafka, in which the copies of a line differ."""
    documents: Documents = {}
    for record in read_documents(parsed):
        document = json.loads(record.value)
        del document["kafka"]
        documents[record.key] = document
    return documents


def run_bounded(sent: Sequence[Sent]) -> tuple[Documents, set[Burst]]:
    parsed = parse(to_batch(0, sent, 0))
    state = BurstState(BURST_RULES)
    state.feed(0, Progress(0, 1, None), parsed.signals)
    return to_documents(parsed), set(state.finish().bursts.rows())


@dataclass(slots=True)
class Raw:
    """A raw partition, and the one who reads it."""

    records: Sequence[Sent]
    clock: PartitionClock
    position: int = 0
    committed: Commit = BEGINNING


@dataclass(slots=True)
class Signals:
    """A signals partition, and the one who counts its windows."""

    log: list[bytes] = field(default_factory=list)
    position: int = 0
    committed: Commit = BEGINNING
    state: BurstState = field(default_factory=lambda: BurstState(BURST_RULES))


@dataclass(slots=True)
class World:
    """Kafka and the workers. Every step takes a little time, and a process may die in the middle of one."""

    raws: list[Raw]
    signals: list[Signals]
    random: Random
    crashes: int
    now: int = START + 4 * DAY
    documents: Documents = field(default_factory=dict)
    bursts: dict[tuple[str, str, int], Burst] = field(default_factory=dict)

    def crashes_now(self) -> bool:
        if not self.crashes or self.random.random() < 0.8:
            return False
        self.crashes -= 1
        return True

    def parse_some(self, numbers: Sequence[int]) -> None:
        """Parse some records of these partitions together."""
        taken: dict[int, Sequence[Sent]] = {}
        for number in numbers:
            raw = self.raws[number]
            records = raw.records[raw.position : raw.position + self.random.choice((1, 2, 5, 30))]
            if records:
                taken[number] = records
        if not taken:
            return
        parsed = parse(
            *(to_batch(number, records, self.raws[number].position) for number, records in taken.items())
        )
        for key, document in to_documents(parsed).items():
            assert self.documents.setdefault(key, document) == document
        reached = self.signals
        dies = self.crashes_now()
        if dies:  # between its writes: some signals partitions have the records, the others have not
            reached = [target for target in self.signals if self.random.random() < 0.5]
        progresses = [
            self.raws[number].clock.observe(newest.named, self.now, newest.recorded)
            for number, newest in zip(taken, parsed.newest, strict=True)
        ]
        self.tell(progresses, parsed.signals, reached)
        for number, records in taken.items():
            raw = self.raws[number]
            raw.position += len(records)
            if dies:
                raw.position = raw.committed.offset
                raw.clock = PartitionClock(number, len(self.raws), IDLE, raw.committed.metadata)
            elif self.random.random() < 0.5:
                raw.committed = Commit(raw.position, raw.clock.dump())

    def tell_silence(self, number: int) -> None:
        raw = self.raws[number]
        if raw.position == len(raw.records):
            self.tell([raw.clock.wait(self.now)], pl.DataFrame(schema=SIGNAL_SCHEMA), self.signals)

    def tell(self, progresses: Sequence[Progress], rows: pl.DataFrame, reached: Sequence[Signals]) -> None:
        for target, part in zip(self.signals, split_signals(rows, len(self.signals)), strict=True):
            if any(target is one for one in reached):
                target.log += encode_progresses(progresses, part)

    def count_some(self, number: int) -> None:
        signals = self.signals[number]
        values = signals.log[signals.position : signals.position + self.random.randint(1, 6)]
        if not values:
            return
        first, after = signals.position, signals.position + len(values)
        none = [None] * len(values)
        times = [0] * len(values)
        batch = RecordBatch("signals", number, first, after, range(first, after), times, none, values, after)
        closed, letters = feed_batch(signals.state, batch)
        assert letters == ()
        for burst in closed.bursts.iter_rows():
            # Elasticsearch keeps the first of one id, so that a second one has to say the same.
            assert self.bursts.setdefault(burst[:3], burst) == burst
        if self.crashes_now():
            signals.position = signals.committed.offset
            signals.state = BurstState(BURST_RULES, signals.committed.metadata)
            return
        signals.position = after
        signals.state.settle(closed.token)
        if self.random.random() < 0.7 and (commit := signals.state.committable()) is not None:
            signals.committed = commit

    def has_work(self) -> bool:
        return any(raw.position < len(raw.records) for raw in self.raws) or any(
            signals.position < len(signals.log) for signals in self.signals
        )


@settings(max_examples=60, deadline=None)
@given(lines(), st.integers(1, 3), st.integers(1, 2), st.integers(0, 4), st.integers(0, 2**32).map(Random))
def test_batches_partitions_retries_and_crashes_change_nothing(
    sent: list[Sent], partitions: int, signal_partitions: int, crashes: int, random: Random
) -> None:
    documents, bursts = run_bounded(sent)
    again = [
        Sent(record.at + JITTER // 2, record.time, record.value) for record in sent if random.random() < 0.3
    ]
    world = World(
        [
            Raw(records, PartitionClock(number, partitions, IDLE))
            for number, records in enumerate(spread([*sent, *again], partitions, random))
        ],
        [Signals() for _ in range(signal_partitions)],
        random,
        crashes,
    )

    while world.has_work():
        world.now += 10
        ready = [number for number in range(partitions) if random.random() < 0.7]
        cut = random.randrange(len(ready) + 1)
        for numbers in (ready[:cut], ready[cut:]):
            world.parse_some(numbers)
        for number in range(partitions):
            if random.random() < 0.1:
                world.tell_silence(number)
        for number in range(signal_partitions):
            if random.random() < 0.7:
                world.count_some(number)
    # Nothing comes any more: silence closes the last windows. A worker tells of it again and again, and one that has
    # never had a record begins to wait when it first does.
    for pause in (0, 10 * 60_000):
        world.now += pause
        for number in range(partitions):
            world.tell_silence(number)
    while world.has_work():
        for number in range(signal_partitions):
            world.count_some(number)

    assert world.documents == documents
    assert set(world.bursts.values()) == bursts


def spread(records: Iterable[Sent], partitions: int, random: Random) -> list[list[Sent]]:
    """The records by partition, each in the order of sending."""
    lots: list[list[Sent]] = [[] for _ in range(partitions)]
    for record in sorted(records, key=lambda record: record.at):
        random.choice(lots).append(record)
    return lots

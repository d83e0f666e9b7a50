"""Laws of the burst windows: what must hold for every order, every cut, every repetition and every crash."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import TypeAlias

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.burst_model import BurstRule
from pipeline.stages.signal import SIGNAL_SCHEMA
from pipeline.stages.signal_codec import decode_signals, encode_signals, split_signals
from pipeline.stages.watermark import Progress, Watermark, restore_watermark
from pipeline.stages.window import BurstState, Counters

Row: TypeAlias = tuple[str, str, int, int]
Record: TypeAlias = tuple[Progress, pl.DataFrame]
Burst: TypeAlias = tuple[str, str, int, int, int, int, int]

MINUTE = BurstRule("minute", threshold=2, timeframe=60_000, grace=30_000)
SHORT = BurstRule("short", threshold=1, timeframe=7_000, grace=10_000)
RULES = (MINUTE, SHORT)
LEAST_GRACE = 10_000

rows = st.tuples(
    st.sampled_from([rule.name for rule in RULES]),
    st.sampled_from(['{"host.name":"a"}', '{"host.name":"b"}', "{}"]),
    st.integers(-60_000, 240_000),
)
jitters = st.integers(0, LEAST_GRACE)


def to_frame(signals: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(signals), schema=SIGNAL_SCHEMA, orient="row")


def find_bursts(signals: Iterable[Row]) -> set[Burst]:
    """The bounded run as anyone would write it, without windows that close."""
    windows: dict[tuple[str, str, int], dict[int, int]] = defaultdict(dict)
    rules = {rule.name: rule for rule in RULES}
    for rule, group, time, id_ in signals:
        length = rules[rule].timeframe
        windows[rule, group, time // length * length][id_] = time
    return {
        (
            rule,
            group,
            start,
            start + rules[rule].timeframe,
            len(times),
            min(times.values()),
            max(times.values()),
        )
        for (rule, group, start), times in windows.items()
        if len(times) >= rules[rule].threshold
    }


def run(records: Iterable[Record], closings: Sequence[bool] = ()) -> tuple[list[Burst], Counters]:
    """All bursts of an unbroken run over the records that then ends, in the order in which they came out."""
    state = BurstState(RULES)
    found: list[Burst] = []
    for offset, (progress, frame) in enumerate(records):
        state.feed(offset, progress, frame)
        if not closings or closings[offset % len(closings)]:
            found += state.close().bursts.rows()
    found += state.finish().bursts.rows()
    return found, state.counters


def number(drawn: Iterable[tuple[str, str, int]]) -> list[Row]:
    return [(rule, group, time, id_) for id_, (rule, group, time) in enumerate(drawn)]


@st.composite
def deliveries(draw: st.DrawFn, disorder: bool = False) -> tuple[list[Row], list[Record]]:
    """Signals, and the records that bring them: over several raw partitions, each out of order by up to the grace.

    With `disorder` they come in any order at all, so that some are late.
    """
    signals = number(draw(st.lists(rows, max_size=40)))
    partitions = draw(st.integers(1, 3))
    lots: dict[int, list[tuple[int, Row]]] = {index: [] for index in range(partitions)}
    for row in signals:
        delay = draw(st.integers(0, 200_000) if disorder else jitters)
        lots[draw(st.integers(0, partitions - 1))].append((row[2] + delay, row))
    queues: list[list[Record]] = []
    for index, lot in lots.items():
        ordered = [row for _, row in sorted(lot)]
        queue: list[Record] = [(Progress(index, partitions, None, idle=not ordered), to_frame([]))]
        newest: int | None = None
        while ordered:
            size = draw(st.integers(1, 8))
            head, ordered = ordered[:size], ordered[size:]
            newest = max(row[2] for row in head) if newest is None else max(newest, *(row[2] for row in head))
            queue.append((Progress(index, partitions, newest), to_frame(head)))
        queues.append(queue)
    records: list[Record] = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        records.append(queue.pop(0))
    return signals, records


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.lists(st.booleans(), max_size=5))
def test_any_order_within_grace_gives_the_bursts_of_the_bounded_run(
    delivery: tuple[list[Row], list[Record]], closings: list[bool]
) -> None:
    signals, records = delivery

    found, counters = run(records, closings)

    assert len(found) == len(set(found))
    assert set(found) == find_bursts(signals)
    assert counters.late == 0


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.data())
def test_records_and_signals_that_come_again_change_no_burst(
    delivery: tuple[list[Row], list[Record]], data: st.DataObject
) -> None:
    signals, records = delivery
    repeated: list[Record] = []
    for record in records:
        repeated.append(record)
        if data.draw(st.booleans()):
            # A partition that is read again reports the watermark it had then, and sends the same rows in other cuts.
            again = data.draw(st.sampled_from(repeated))
            repeated.append((again[0], pl.concat([again[1], again[1].head(2)])))

    found, counters = run(repeated)

    assert len(found) == len(set(found))
    assert set(found) == find_bursts(signals)
    assert counters.fed == counters.counted + counters.duplicates + counters.late
    assert counters.counted == len(signals)


@settings(max_examples=60, deadline=None)
@given(deliveries(disorder=True))
def test_every_signal_is_counted_or_late_and_windows_of_a_group_never_overlap(
    delivery: tuple[list[Row], list[Record]],
) -> None:
    signals, records = delivery

    found, counters = run(records)

    assert counters.counted + counters.late == len(signals) == counters.fed
    assert counters.duplicates == counters.settled == counters.unknown == 0
    by_key: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for rule, group, start, end, *_ in found:
        by_key[rule, group].append((start, end))
    for spans in by_key.values():
        ordered = sorted(spans)
        assert all(end <= start for (_, end), (start, _) in pairwise(ordered))
    counts = sum(burst[4] for burst in found if burst[0] == SHORT.name)
    assert counts <= sum(row[0] == SHORT.name for row in signals)


@settings(max_examples=60, deadline=None)
@given(deliveries(disorder=True), st.lists(st.booleans(), max_size=5))
def test_how_often_windows_are_closed_changes_nothing(
    delivery: tuple[list[Row], list[Record]], closings: list[bool]
) -> None:
    _, records = delivery

    often, rarely = run(records), run(records, closings)

    assert set(often[0]) == set(rarely[0])
    assert often[1] == rarely[1]


steps = st.tuples(
    st.sampled_from([MINUTE.name, MINUTE.name, SHORT.name, None]),
    st.integers(0, 40_000),
    st.sampled_from([0, 0, 0, 30_000, 60_000, 90_000]),
    st.integers(0, 1),
)


@st.composite
def marches(draw: st.DrawFn) -> list[Record]:
    """Records of two raw partitions that move on through time: windows close all along, and some rows are late."""
    now = 0
    newest = [0, 0]
    records: list[Record] = []
    for id_, (rule, advance, back, partition) in enumerate(draw(st.lists(steps, min_size=10, max_size=30))):
        now += advance
        newest[partition] = max(newest[partition], now - back)
        signals = [] if rule is None else [(rule, "{}", now - back, id_)] * 2
        records.append((Progress(partition, 2, newest[partition]), to_frame(signals)))
    return records


LOOSE = (BurstRule("minute", threshold=1, grace=30_000), SHORT)


@settings(max_examples=100, deadline=None)
@given(marches(), st.integers(0, 2**32))
def test_a_crash_anywhere_gives_the_same_bursts_after_reading_on_from_the_commit(
    records: list[Record], seed: int
) -> None:
    random = Random(seed)
    unbroken = BurstState(LOOSE)
    for offset, record in enumerate(records):
        unbroken.feed(offset, *record)
    expected = set(unbroken.finish().bursts.rows())
    acknowledged: set[Burst] = set()
    committed = (0, "")
    for _ in range(3):
        state = BurstState(LOOSE, restored=committed[1])
        sent: dict[int, list[Burst]] = {}
        for offset in range(committed[0], min(len(records), committed[0] + random.randint(1, 20))):
            state.feed(offset, *records[offset])
            if random.random() < 0.7:
                closed = state.close()
                assert set(closed.bursts.rows()) <= expected
                if closed.bursts.height:
                    sent[closed.token] = closed.bursts.rows()
            if sent and random.random() < 0.3:
                token = random.choice(list(sent))
                acknowledged |= set(sent.pop(token))
                state.settle(token)
            commit = state.committable() if random.random() < 0.7 else None
            if commit is not None:
                assert committed[0] <= commit.offset <= offset + 1
                committed = (commit.offset, commit.metadata)

    state = BurstState(LOOSE, restored=committed[1])
    for offset in range(committed[0], len(records)):
        state.feed(offset, *records[offset])
    last = set(state.finish().bursts.rows())

    assert last <= expected
    assert acknowledged | last == expected


@settings(max_examples=40, deadline=None)
@given(deliveries())
def test_all_that_is_settled_is_committable_and_a_state_restored_from_there_is_empty(
    delivery: tuple[list[Row], list[Record]],
) -> None:
    _, records = delivery
    state = BurstState(RULES)
    for offset, record in enumerate(records):
        state.feed(offset, *record)
    state.settle(state.finish().token)

    commit = state.committable()

    assert commit is not None
    assert commit.offset == len(records)
    assert state.size == state.open_windows == 0
    assert state.committable() is None


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.integers(1, 4))
def test_partitions_of_the_signals_topic_together_give_the_bursts_of_one(
    delivery: tuple[list[Row], list[Record]], partitions: int
) -> None:
    _, records = delivery
    split = [(progress, split_signals(frame, partitions)) for progress, frame in records]

    found: list[Burst] = []
    for index in range(partitions):
        sent = [decode_signals(encode_signals(progress, frames[index])) for progress, frames in split]
        found += run(sent)[0]

    assert sorted(found) == sorted(run(records)[0])


progresses = st.builds(
    Progress,
    partition=st.integers(0, 3),
    partitions=st.just(4),
    watermark=st.none() | st.integers(0, 1_000_000),
    idle=st.booleans(),
)


@given(st.lists(progresses, max_size=30))
def test_the_watermark_never_goes_back_and_waits_for_every_partition(steps: list[Progress]) -> None:
    watermark = Watermark()
    heard: set[int] = set()
    for step in steps:
        before, watermark = watermark.time, watermark.follow(step)
        heard.add(step.partition)

        assert before is None or (watermark.time is not None and watermark.time >= before)
        assert watermark.time is None or len(heard) == 4
        assert watermark.follow(step).time == watermark.time


@given(st.lists(progresses, max_size=20), st.lists(progresses, max_size=20))
def test_a_restored_watermark_goes_on_like_the_one_it_was_dumped_from(
    before: list[Progress], after: list[Progress]
) -> None:
    exact = Watermark()
    for step in before:
        exact = exact.follow(step)

    restored, cut = restore_watermark(exact.dump()), restore_watermark(exact.dump(limit=1))

    assert cut.time == restored.time == exact.time
    for step in after:
        exact, restored, cut = exact.follow(step), restored.follow(step), cut.follow(step)
        assert restored.time == exact.time
        assert cut.time is None or (exact.time is not None and cut.time <= exact.time)

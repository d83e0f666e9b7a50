"""Runs the tests that a burst rule carries, through the same stages as everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import polars as pl

from parsers.burst_model import BurstEvents, BurstRule, BurstTest, ExpectedBurst
from parsers.frames import Block, ParsedBatch
from parsers.model import NOWHERE, Location, Value
from parsers.reading.read_duration import to_duration_text
from pipeline.stages.signal import build_signaller
from pipeline.stages.watermark import Progress
from pipeline.stages.window import BurstState


@dataclass(frozen=True, slots=True)
class BurstTestResult:
    """What came of one test: it passed if there are no `differences`, each a line of text for people."""

    rule: str
    test: str
    differences: tuple[str, ...] = ()
    location: Location = field(default=NOWHERE, compare=False)

    @property
    def is_passed(self) -> bool:
        """True if exactly the expected bursts were found."""
        return not self.differences


def run_burst_tests(rule: BurstRule) -> tuple[BurstTestResult, ...]:
    """The result of each of the rule's tests, in their order. Pure.

    An event is taken for one that the rule's parse rule parsed, and of its dataset, unless it says otherwise
    (`rule.name`, `event.dataset`).
    """
    return tuple(_run(rule, test) for test in rule.tests)


def _run(rule: BurstRule, test: BurstTest) -> BurstTestResult:
    blocks = [_to_block(rule, events, index) for index, events in enumerate(test.events)]
    signals = build_signaller([rule])(ParsedBatch(tuple(blocks), sum(block.frame.height for block in blocks)))
    state = BurstState([rule])
    state.feed(0, Progress(0, 1, None), signals)
    bursts = state.finish().bursts
    found = [
        ExpectedBurst(msgspec.json.decode(group), count, start)
        for group, count, start in bursts.select("group", "count", "window_start").rows()
    ]
    return BurstTestResult(rule.name, test.name, tuple(_compare(test, rule, found)), test.location)


def _to_block(rule: BurstRule, events: BurstEvents, index: int) -> Block:
    fields: dict[str, Value] = dict(events.fields)
    datasets = [glob for glob in rule.datasets if not set("*?[") & set(glob)]
    if datasets:
        fields.setdefault("event.dataset", datasets[0])
    fields.setdefault("rule.name", rule.rules[0] if rule.rules else None)
    rows = range(events.repeat)
    frame = pl.DataFrame(
        {
            "_id": [f"{index}-{row}" for row in rows],
            "_time": [events.at + row * events.every for row in rows],
        },
        schema={"_id": pl.String, "_time": pl.Int64},
    ).with_columns(
        pl.col("_time").cast(pl.Datetime("ms", "UTC")).alias("@timestamp"),
        *(_to_column(name, value) for name, value in fields.items() if value is not None),
    )
    parse_rule = fields["rule.name"]
    return Block(
        parse_rule if isinstance(parse_rule, str) else None,
        str(fields.get("event.dataset", "generic")),
        frame,
    )


def _to_column(name: str, value: Value) -> pl.Expr:
    if isinstance(value, list):
        return (
            pl.lit(pl.Series([[str(item) for item in value]], dtype=pl.List(pl.String))).first().alias(name)
        )
    return pl.lit(value).alias(name)


def _compare(test: BurstTest, rule: BurstRule, found: list[ExpectedBurst]) -> list[str]:
    left = list(found)
    differences = []
    for expected in test.expect:
        match = next((burst for burst in left if _is_same(expected, burst)), None)
        if match is None:
            differences.append(f"no burst {_describe(expected.group, expected.count, expected.start, test)}")
        else:
            left.remove(match)
    differences += [
        f"unexpected burst {_describe(burst.group, burst.count, burst.start, test)}" for burst in left
    ]
    if differences and not found:
        differences.append(f"no window reached the threshold of {rule.threshold}")
    return differences


def _is_same(expected: ExpectedBurst, burst: ExpectedBurst) -> bool:
    if expected.start is not None and expected.start != burst.start:
        return False
    return expected.count == burst.count and dict(expected.group) == dict(burst.group)


def _describe(group: Mapping[str, Value], count: int, start: int | None, test: BurstTest) -> str:
    first = min((events.at for events in test.events), default=0)
    where = "" if start is None else f" from {_to_offset(start - first)}"
    return f"of {count} in {msgspec.json.encode(dict(group), order='sorted').decode()}{where}"


def _to_offset(distance: int) -> str:
    sign = "-" if distance < 0 else ""
    return (
        f"the first event {sign or '+'}{to_duration_text(abs(distance))}"
        if distance
        else "the first event's time"
    )

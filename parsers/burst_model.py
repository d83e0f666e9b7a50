"""What a burst rule file says, as frozen values. Times and durations are whole milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Final, Literal, TypeAlias

from parsers.model import NOWHERE, Location, Scalar, Value

BurstLevel: TypeAlias = Literal["informational", "low", "medium", "high", "critical"]
Comparison: TypeAlias = Literal["gte", "gt", "lte", "lt"]

MINUTE_MS: Final = 60_000

TEST_BASE: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z, where the time of a test begins: durations in `at` and `start` count from it."""


@dataclass(frozen=True, slots=True)
class BurstFilter:
    """`field` must equal one of `values` or match one of `globs`, or meet every comparison of `bounds`.

    Either values and globs are given, or bounds. A list field (tags, event.category) matches if one of its elements
    does; a missing field does not match.
    """

    field: str
    values: tuple[Scalar, ...] = ()
    globs: tuple[str, ...] = ()
    bounds: Mapping[Comparison, float] = attribute(default_factory=dict)
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BurstEvents:
    """Events of a test: `repeat` of them, the first at `at` (epoch ms), and one each `every` ms."""

    fields: Mapping[str, Value]
    repeat: int = 1
    every: int = 0
    at: int = TEST_BASE
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ExpectedBurst:
    """A burst that a test expects: the whole group, the count, and the window's start (epoch ms) if it matters."""

    group: Mapping[str, Value]
    count: int
    start: int | None = None
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BurstTest:
    """Events and exactly the bursts that the rule finds in them, in any order."""

    name: str
    events: tuple[BurstEvents, ...]
    expect: tuple[ExpectedBurst, ...] = ()
    location: Location = attribute(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BurstRule:
    """At least `threshold` matching events of one group within a tumbling window of `timeframe`.

    Windows are aligned to the epoch: a window starts at a multiple of `timeframe` and ends, exclusively, one
    `timeframe` later. It stays open for `grace` after its end, for events that arrive late. `rules` and `datasets`
    name the parse rules and (by glob) the datasets whose events are looked at; empty: all. Events are grouped by the
    values of `group_by`; an event without one of these fields counts for the group without it.
    """

    name: str
    threshold: int
    type: Literal["frequency"] = "frequency"
    description: str = ""
    rules: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    filter: tuple[BurstFilter, ...] = ()
    group_by: tuple[str, ...] = ()
    timeframe: int = MINUTE_MS
    grace: int = 30_000
    level: BurstLevel = "medium"
    tests: tuple[BurstTest, ...] = ()
    location: Location = attribute(default=NOWHERE, compare=False)

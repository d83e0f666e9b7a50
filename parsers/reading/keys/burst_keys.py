"""The keys of a burst rule."""

from typing import get_args

from parsers.burst_model import BurstLevel, Comparison
from parsers.reading.keys.kinds import FIELD, Choice, Items, Key, Keys, Pairs, Plain, Text, Whole, Words
from parsers.reading.keys.rule_keys import NAME_PATTERN

_UNITS = ("milliseconds", "seconds", "minutes", "hours", "days")
_LENGTH = Choice(
    (
        Text("duration"),
        Keys("duration", tuple(Key(unit, f"So many {unit}.", Plain(), example="1") for unit in _UNITS)),
    )
)
_BOUNDS = Keys(
    "filter",
    tuple(Key(word, "A bound of the number.", Plain(), example="500") for word in get_args(Comparison)),
)
_COMPARISON = Keys(
    "condition",
    (
        Key("gte", "So many events, or more.", Whole(1), example="10"),
        Key("gt", "More than so many events.", Whole(0), example="9"),
    ),
    one_of=("gte", "gt"),
)
_EVENTS = Keys(
    "event",
    (
        Key("repeat", "How many such events there are.", Whole(1, 100_000), "`1`", "10"),
        Key("every", "The time between them.", _LENGTH, "`0s`", "1s"),
        Key(
            "at",
            "When the first one is: a duration after the test's beginning, or ISO 8601.",
            Text("moment"),
            "`0s`",
            "45s",
        ),
    ),
    also=True,
)
_BURST = Keys(
    "burst",
    (
        Key("count", "How many events the burst holds.", Whole(1), example="10", is_required=True),
        Key("start", "When its window begins.", Text("moment"), example="0s"),
    ),
    also=True,
)
_TEST = Keys(
    "burst test",
    (
        Key("name", "What the test is about.", Text(), example="ten are a burst"),
        Key(
            "events",
            "Events by their fields.",
            Items(_EVENTS, or_one=False),
            example="[{log.level: error, repeat: 10}]",
            is_required=True,
        ),
        Key(
            "expect",
            "Exactly the bursts that come out, by their group.",
            Items(_BURST, or_one=False, may_be_empty=True),
            example="[{count: 10}]",
            is_required=True,
        ),
    ),
)

BURST = Keys(
    "burst rule",
    (
        Key(
            "name",
            "Unique among all burst rules.",
            Text("name", NAME_PATTERN),
            example="login_failures",
            is_required=True,
        ),
        Key("type", "What is counted how.", Words(("frequency",)), "`frequency`", "frequency"),
        Key("description", "One sentence for people.", Text(), example="Many failed logins on one host"),
        Key(
            "rules", "Only events that one of these rules parsed.", Items(Text("rule")), "all", "[sshd, sudo]"
        ),
        Key(
            "datasets",
            "Only events of datasets that one of these globs matches.",
            Items(Text("glob")),
            "all",
            "['nginx.*']",
        ),
        Key(
            "filter",
            "Field to value, glob, list of them, or bounds; all must hold.",
            Pairs(Choice((_BOUNDS, Items(Plain())))),
            "none",
            "{event.outcome: failure}",
        ),
        Key(
            "group_by",
            "Events are counted apart for each value of these fields, at most ten.",
            Items(FIELD),
            "none",
            "[host.name]",
        ),
        Key(
            "timeframe",
            "How long a window is; windows begin at multiples of it.",
            _LENGTH,
            "`1m`",
            "{minutes: 1}",
        ),
        Key("grace", "How long a window waits for late events.", _LENGTH, "`30s`", "{seconds: 30}"),
        Key(
            "condition",
            "How many events in a window are a burst.",
            _COMPARISON,
            example="{gte: 10}",
            is_required=True,
        ),
        Key("level", "How bad it is.", Words(get_args(BurstLevel)), "`medium`", "high"),
        Key("tests", "Events, and exactly the bursts they must give.", Items(_TEST, or_one=False), "", "[]"),
    ),
)

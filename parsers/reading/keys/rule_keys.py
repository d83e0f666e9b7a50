"""The keys of a rule."""

from typing import get_args

from parsers.model import Body, BodyFormat, Multiline, Status
from parsers.reading.keys.field_keys import DISSECT, FIELDS, LOOKUP, MAP, MASK, SET, TIMESTAMP, TYPES, WHEN
from parsers.reading.keys.kinds import (
    FIELD,
    Choice,
    Items,
    Key,
    Keys,
    Pairs,
    Plain,
    Text,
    Truth,
    Whole,
    Words,
)

NAME_PATTERN = "^[a-z][a-z0-9_]{0,99}$"
_BODY = Body()
_LINES = Multiline()

PATTERN = Choice(
    (
        Text("pattern"),
        Keys(
            "pattern",
            (
                Key(
                    "match",
                    "The regular expression.",
                    Text("pattern"),
                    example="'^lock \\d+$'",
                    is_required=True,
                ),
                Key(
                    "set",
                    "Fields with fixed values for this pattern.",
                    SET,
                    example="{event.outcome: failure}",
                ),
                Key(
                    "fallback",
                    "Tried only on lines that no other pattern took, of any rule; for rare forms.",
                    Truth(),
                    "false",
                    "true",
                ),
            ),
        ),
    )
)

BODY = Keys(
    "body",
    (
        Key(
            "separator",
            "One character between columns (csv) or pairs (keyvalue); blanks around pairs do not matter.",
            Text("character"),
            "`,` for csv, blanks for keyvalue",
            "';'",
        ),
        Key(
            "assign",
            "What stands between key and value (keyvalue).",
            Text("text", longest=5),
            f"`{_BODY.assign}`",
            "':'",
        ),
        Key(
            "columns",
            "The names of the columns (csv): with dots or known to ECS a field, `_` dropped, others below the prefix.",
            Items(Text("column", r"^(_|@?[A-Za-z_][A-Za-z0-9_@-]*(\.[A-Za-z0-9_@-]+)*)$")),
            example="[ts, source.ip, _, action]",
        ),
        Key(
            "prefix",
            "Where keys go that no rename names.",
            FIELD,
            "see [structured bodies](#structured-bodies)",
            "fw",
        ),
        Key(
            "max_depth",
            "Objects that nest deeper become JSON text (json).",
            Whole(1, 20),
            f"`{_BODY.max_depth}`",
            "5",
        ),
        Key(
            "max_fields",
            "Keys beyond that number, of those that no rename names, become one JSON text, `_beyond`.",
            Whole(1, 10_000),
            f"`{_BODY.max_fields}`",
            "50",
        ),
    ),
)

MULTILINE = Keys(
    "multiline",
    (
        Key(
            "continuation",
            "A line that this matches belongs to the event before it, whatever other rule it would suit.",
            Text("pattern"),
            example="'^\\s'",
        ),
        Key(
            "start",
            "In its place: lines that neither this nor a rule (above last resort) takes belong to the event before.",
            Text("pattern"),
            example="'^\\d{4}-'",
        ),
        Key("field", "Where the lines after the first go.", FIELD, f"`{_LINES.field}`", "error.stack_trace"),
        Key(
            "max_lines",
            "An event ends with so many lines.",
            Whole(1, 1_000_000),
            f"`{_LINES.max_lines}`",
            "100",
        ),
        Key("max_bytes", "An event ends with that size.", Text("size", may_be_number=True), "`1MB`", "64KB"),
    ),
    any_of=("continuation", "start"),
)

TEST = Keys(
    "test",
    (
        Key("name", "What the test is about.", Text(), example="a slow door"),
        Key(
            "line",
            'The event\'s text; a block, or `"…\\n…"` in double quotes, for several lines.',
            Plain(),
            example="'2026-07-01 tick'",
            is_required=True,
        ),
        Key(
            "expect",
            "Fields and their values, of which null means absent; or `no_match`: another rule or none takes the line.",
            Choice((Words(("no_match",)), Pairs(Plain(is_nested=True), may_be_empty=True))),
            example="{log.level: warn}",
            is_required=True,
        ),
        Key("exact", "No field may be there that is not expected.", Truth(), "false", "true"),
        Key(
            "context",
            "What the record brings along.",
            Pairs(Plain(is_nested=True), may_be_empty=True),
            example="{host.name: web-1}",
        ),
        Key(
            "time",
            "The record's time, ISO 8601, for lines without a year or a day.",
            Text("time"),
            example="'2026-07-01T10:00:00Z'",
        ),
    ),
)

RULE = Keys(
    "rule",
    (
        Key(
            "name",
            "Unique among all rules: `a-z`, `0-9` and `_`; `rule.name` of the events.",
            Text("name", NAME_PATTERN),
            example="depot_gate",
            is_required=True,
        ),
        Key(
            "status",
            "How far the rule is relied on; `experimental`: it runs and is counted, and writes nothing.",
            Words(get_args(Status)),
            "`stable`",
            "experimental",
        ),
        Key(
            "description",
            "One sentence for people: what writes these lines.",
            Text(),
            example="The gates of the depot",
        ),
        Key(
            "dataset",
            "`event.dataset`, and the middle of the data stream's name.",
            Text("dataset", r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", 100),
            "the name, its first `_` a dot",
            "depot.gate",
        ),
        Key(
            "priority",
            "Higher is asked first; -40 and lower only for lines that no other rule took.",
            Whole(),
            "`0`",
            "10",
        ),
        Key(
            "when",
            "What must hold before any pattern is tried: field to glob; a list of such mappings: any.",
            WHEN,
            "",
            "{process.name: sshd}",
        ),
        Key("after", "The rules on whose events this one goes on.", Items(Text("rule")), "", "syslog"),
        Key("field", "The field that a rule with `after` reads.", FIELD, "`message`", "json.text"),
        Key(
            "patterns",
            "How lines look; the first that matches counts.",
            Items(PATTERN),
            "",
            "'^tick %{INT:depot.tick:long}$'",
        ),
        Key(
            "format",
            "In place of patterns: how a structured body is written.",
            Words(get_args(BodyFormat)),
            "",
            "json",
        ),
        Key("body", "Options of the structured body.", BODY, "", "{prefix: fw}"),
        Key(
            "rename",
            "A structured body's key to the field it becomes; of several for one field the first that is there counts.",
            Pairs(FIELD, key="key"),
            "",
            "{msg: message}",
        ),
        Key(
            "timestamp",
            "Which capture is the event's time, and how it is written.",
            TIMESTAMP,
            "",
            "{field: ts}",
        ),
        Key("types", "Field to type; ECS fields have theirs by themselves.", TYPES, "", "{depot.gate: long}"),
        Key("lower", "Fields that are put into lower case.", FIELDS, "", "[user.domain]"),
        Key("trim", "Fields that lose the blanks at both ends.", FIELDS, "", "[message]"),
        Key(
            "dissect",
            "Field to what it holds; its parts become the ECS fields beside it.",
            DISSECT,
            "",
            "{url.original: url}",
        ),
        Key(
            "set",
            "Fields with fixed values, where nothing else filled them.",
            SET,
            "",
            "{event.category: [host]}",
        ),
        Key("map", "Field to value map: words for words, in order.", MAP, "", "{log.level: {W: warn}}"),
        Key(
            "lookup",
            "Fields from a table beside the rules.",
            LOOKUP,
            "",
            "{table: lookups/hosts.csv, from: host.name, to: {team: labels.team}}",
        ),
        Key("mask", "What must not get out of an event.", MASK, "", "{field: message, kind: email}"),
        Key(
            "multiline",
            "Which of the lines that follow belong to the event.",
            MULTILINE,
            "",
            "{continuation: '^\\s'}",
        ),
        Key(
            "fragments",
            "Own pieces of patterns, by name.",
            Pairs(Text("pattern"), key="name"),
            "",
            "{CAMERA: 'cam-\\d+'}",
        ),
        Key(
            "tests",
            "Lines, and what must become of them.",
            Items(TEST, or_one=False),
            "",
            "[{line: tick, expect: {message: tick}}]",
        ),
    ),
    one_of=("patterns", "format"),
    needs=(("field", "after"), ("rename", "format"), ("body", "format"), ("fragments", "patterns")),
)

"""The keys that speak of single fields: where values come from and what is done to them."""

from typing import get_args

from parsers.model import DissectKind, FieldType, MaskHow, MaskKind
from parsers.reading.keys.kinds import FIELD, Choice, Items, Key, Keys, Pairs, Plain, Text, Words

FIELDS = Items(FIELD)
SET = Pairs(Plain(is_nested=True))
WHEN = Items(Pairs(Items(Text("glob"))))

TIMESTAMP = Keys(
    "timestamp",
    (
        Key("field", "The capture or key that holds the time.", FIELD, example="ts", is_required=True),
        Key(
            "formats",
            "strptime forms, or ISO8601, UNIX, UNIX_MS, UNIX_US, UNIX_NS; the first that reads the time counts.",
            Items(Text("format")),
            "ISO8601",
            "['%d/%b/%Y:%H:%M:%S %z', UNIX]",
        ),
        Key(
            "timezone",
            "The zone of times that name none: an IANA name, an offset, or a choice by another field's value.",
            Choice(
                (
                    Text("zone"),
                    Keys(
                        "timezone",
                        (
                            Key(
                                "from",
                                "The field that decides.",
                                FIELD,
                                example="host.name",
                                is_required=True,
                            ),
                            Key(
                                "values",
                                "Glob for the field's value to zone; the first that matches counts.",
                                Pairs(Text("zone"), key="glob"),
                                example="{'db-*': Europe/Berlin}",
                                is_required=True,
                            ),
                            Key("default", "The zone where no glob matches.", Text("zone"), example="UTC"),
                        ),
                    ),
                )
            ),
            "the record's, else the installation's",
            "Europe/Berlin",
        ),
    ),
)

TYPES = Pairs(
    Choice(
        (
            Words(get_args(FieldType)),
            Keys(
                "types",
                (Key("list", "What parts the items.", Text("separator"), example="' '", is_required=True),),
            ),
        )
    )
)
DISSECT = Pairs(Words(get_args(DissectKind)))

_LONG_MAP = Keys(
    "map",
    (
        Key("from", "The field that is looked up.", FIELD, "the field itself", "_code"),
        Key(
            "values",
            "Value to the value it becomes.",
            Pairs(Plain(), key="value"),
            example="{'0': success}",
            is_required=True,
        ),
        Key("default", "For values that are not listed.", Plain(), "none", "failure"),
    ),
)
MAP = Pairs(Choice((_LONG_MAP, Pairs(Plain(), key="value", without=("values",)))))

LOOKUP_KEYS = (
    Key(
        "table",
        "A CSV or YAML file, its path relative to the folder of the rules.",
        Text("path"),
        example="lookups/hosts.csv",
        is_required=True,
    ),
    Key(
        "from",
        "The field whose value is looked for in the table.",
        FIELD,
        example="host.name",
        is_required=True,
    ),
    Key(
        "to",
        "Column of the table to the field it fills.",
        Pairs(FIELD, key="column"),
        example="{team: labels.team, service: service.name}",
        is_required=True,
    ),
    Key("key", "The column that is looked in.", Text("column"), "the first", "host"),
)
LOOKUP = Items(Keys("lookup", LOOKUP_KEYS))

MASK = Items(
    Keys(
        "mask",
        (
            Key(
                "field",
                "The field in which is searched; `*`: all texts.",
                Text("field"),
                example="message",
                is_required=True,
            ),
            Key(
                "kind", "What is searched for.", Words(get_args(MaskKind)), example="email", is_required=True
            ),
            Key(
                "how",
                "Whether it is blacked out, or becomes a hash that is equal for equal values.",
                Words(get_args(MaskHow)),
                "redact",
                "hash",
            ),
            Key(
                "pattern",
                "For `kind: custom`: a regular expression for what is to be masked.",
                Text("pattern"),
                example="'\\bK-\\d{8}\\b'",
            ),
        ),
    ),
    may_be_empty=True,
)

"""Readies a line frame for matching: the first line of each event, without colours, and the rest of it."""

import polars as pl

from parsers.events.columns import drop_columns

HEAD = "_head"
REST = "_rest"
# What patterns do not see of a line that is longer than they are shown.
TAIL = "_unseen"
# What a rule's `field` calls the line after those that the rules before it have read.
NEXT_LINE = "_next_line"
ROW = "_row"
# Whether `@timestamp` is the line's own; otherwise it is the record's.
TIMED = "_timed"
# Whether an event is so long that its message is no more than what patterns see of it.
CUT = "_cut"
# Whether some pattern gave the line up.
LATE = "_given_up"
# Kept for those who come after the parser; every other column that starts with `_` is scratch.
KEPT = (ROW, TIMED, "_id", "_time", "_offset")
# Names that rules may not use: the engine's own columns.
RESERVED = frozenset(
    (
        *KEPT,
        HEAD,
        REST,
        TAIL,
        CUT,
        LATE,
        NEXT_LINE,
        "_date_unreadable",
        "_date_implausible",
        "_stream",
        "_origin",
        "_dataset",
        "_size",
        "_height",
    )
)
# Patterns see so many characters of a line: their cost grows with what they see, and a line may have megabytes.
SEEN_CHARACTERS = 65_536
# Messages and bodies of longer lines are put together again in events up to this size, that of Kafka's largest record
# by default. Beyond it a message is what patterns saw, and as much of the lines after it; `event.original` is whole.
WHOLE_BYTES = 1_048_576
# ECMA-48 control sequences (CSI) and operating system commands (OSC), as terminals and colour loggers write
# them.
_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])"


def prepare_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Adds `_row`, `_head` (what patterns see: the first line without colours) and `_rest` (lines after it).

    `_rest` is there only when some event has several lines; null for events that have one. Likewise `_unseen`, what a
    first line has after the `SEEN_CHARACTERS` that patterns see, and `_cut`. `_time` is added as nulls where it lacks.
    """
    original = lines["event.original"]
    frame = lines.with_row_index(ROW)
    if "_time" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("_time"))
    head = original
    if original.str.contains("\n", literal=True).any():
        head, rest = original.str.splitn("\n", 2).struct.unnest().get_columns()
        frame = frame.with_columns(rest.alias(REST))
    sizes = original.str.len_bytes()
    if (sizes > SEEN_CHARACTERS).any():
        is_cut = sizes > WHOLE_BYTES
        if REST in frame.columns and is_cut.any():
            rest = frame[REST].zip_with(~is_cut, frame[REST].str.head(SEEN_CHARACTERS))
            frame = frame.with_columns(rest.alias(REST))
        tail = head.set(is_cut | (sizes <= SEEN_CHARACTERS), None).str.slice(SEEN_CHARACTERS)
        frame = frame.with_columns(tail.set(tail == "", None).alias(TAIL), is_cut.alias(CUT))
        head = head.str.head(SEEN_CHARACTERS)
    if head.str.contains("\x1b", literal=True).any():
        head = head.str.replace_all(_ANSI, "")
    return frame.with_columns(head.alias(HEAD))


def drop_scratch(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without helper columns."""
    return drop_columns(frame, {name for name in frame.columns if name.startswith("_") and name not in KEPT})


def append_tail(texts: pl.Series, frame: pl.DataFrame) -> pl.Series:
    """What was captured of long lines in full: `texts` that reach to the end of `_head` get `_unseen` behind them.

    `frame` has a row for each text.
    """
    if TAIL not in frame.columns:
        return texts
    text = pl.col("_text")
    reaches = pl.col(TAIL).is_not_null() & (text != "") & pl.col(HEAD).str.ends_with(text)
    appended = pl.when(reaches).then(text + pl.col(TAIL)).otherwise(text)
    return frame.select(HEAD, TAIL, texts.alias("_text")).select(appended.alias(texts.name)).to_series()

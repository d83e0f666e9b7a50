"""Readies a line frame for matching: the first line of each event, without colours, and the rest of it."""

import polars as pl

HEAD = "_head"
REST = "_rest"
ROW = "_row"
# Whether `@timestamp` is the line's own; otherwise it is the record's.
TIMED = "_timed"
# Kept for those who come after the parser; every other column that starts with `_` is scratch.
KEPT = (ROW, TIMED, "_id", "_time", "_offset")
# Names that rules may not use: the engine's own columns.
RESERVED = frozenset(
    (
        *KEPT,
        HEAD,
        REST,
        "_date_unreadable",
        "_date_implausible",
        "_stream",
        "_origin",
        "_dataset",
        "_size",
        "_height",
    )
)
# ECMA-48 control sequences (CSI) and operating system commands (OSC), as terminals and colour loggers write
# them.
_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])"


def prepare_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Adds `_row`, `_head` (what patterns see: the first line without colours) and `_rest` (lines after it).

    `_rest` is there only when some event has several lines; null for events that have one. `_time` is added
    as nulls when it is missing.
    """
    original = lines["event.original"]
    frame = lines.with_row_index(ROW)
    if "_time" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("_time"))
    head = original
    if original.str.contains("\n", literal=True).any():
        head, rest = original.str.splitn("\n", 2).struct.unnest().get_columns()
        frame = frame.with_columns(rest.alias(REST))
    if head.str.contains("\x1b", literal=True).any():
        head = head.str.replace_all(_ANSI, "")
    return frame.with_columns(head.alias(HEAD))


def drop_scratch(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without helper columns."""
    return frame.drop([name for name in frame.columns if name.startswith("_") and name not in KEPT])

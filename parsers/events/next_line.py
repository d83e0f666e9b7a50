"""Lets a chain read on in the next line of an event, for loggers that spread a record over lines."""

import polars as pl

from parsers.events.prepare import NEXT_LINE, REST


def add_next_line(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `_next_line`, the line after those that were read; null for events that have no more."""
    if REST not in frame.columns:
        return frame
    return frame.with_columns(pl.col(REST).str.extract(r"^([^\n]*)", 1).alias(NEXT_LINE))


def take_next_line(frame: pl.DataFrame) -> pl.DataFrame:
    """Takes the line that a rule has read out of the lines that are left."""
    return frame.with_columns(pl.col(REST).str.extract(r"(?s)\n(.*)$", 1))

"""Writes flat columns with dotted ECS names as one nested JSON document a row."""

import polars as pl

from parsers.document_json import encode_documents
from parsers.document_text import write_documents

# With fewer, what `write_documents` looks up about the columns costs more than it saves.
WORTHWHILE_ROWS = 400


def to_documents(frame: pl.DataFrame) -> pl.Series:
    """One JSON text a row.

    Args:
        frame: flat columns with dotted names; columns that start with `_` are left out, those named `….*` hold JSON
            text (see `parsers.members`). `@timestamp` must be there and hold no null.

    Returns:
        String series named `document`. Every text starts with
        `{"@timestamp":"2026-07-01T10:00:00.123Z","event":{`; the other members are in the order of the columns. Fields
        that are null are left out, also objects without fields. Times are ISO 8601 in UTC with milliseconds.
    """
    if frame.is_empty():
        return pl.Series("document", [], dtype=pl.String)
    written = write_documents(frame) if frame.height >= WORTHWHILE_ROWS else None
    return encode_documents(frame) if written is None else written

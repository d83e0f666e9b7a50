"""One text through a reader of structured bodies, as plain values."""

import json
from typing import Any

import polars as pl

from parsers.events.bodies.structured import BodyReader
from parsers.model import Body

PLAIN = Body()


def read_one(
    reader: BodyReader, text: str | None, *wanted: str, body: Body = PLAIN
) -> tuple[dict[str, str], dict[str, Any]] | None:
    """The wanted keys and the format's fields that the text has, and the rest; None where it is no body."""
    bodies = reader(pl.Series([text], dtype=pl.String), dict.fromkeys(wanted, False), body)
    found = {**bodies.values, **bodies.fields}
    columns = {name: column.item() for name, column in found.items() if column.item() is not None}
    rest = {
        name: json.loads(column.item()) for name, column in bodies.rest.items() if column.item() is not None
    }
    if not bodies.matched.item():
        assert (columns, rest) == ({}, {})
        return None
    return columns, rest.get("", rest)


def read_all(reader: BodyReader, texts: list[str], *wanted: str, body: Body = PLAIN) -> list[Any]:
    """Each text's result, all read in one batch: `read_one` has to give the same."""
    bodies = reader(pl.Series(texts, dtype=pl.String), dict.fromkeys(wanted, False), body)
    found = {**bodies.values, **bodies.fields}
    results: list[Any] = []
    for row in range(len(texts)):
        columns = {name: column[row] for name, column in found.items() if column[row] is not None}
        rest = {
            name: json.loads(column[row]) for name, column in bodies.rest.items() if column[row] is not None
        }
        results.append((columns, rest.get("", rest)) if bodies.matched[row] else None)
    return results

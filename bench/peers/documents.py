"""Reads what the contenders write as plain dicts of the common fields."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.peers.port import Fields

TEXTS = (
    "source.address",
    "user.name",
    "http.request.method",
    "url.original",
    "http.version",
    "http.request.referrer",
    "user_agent.original",
    "event.original",
)
NUMBERS = ("http.response.status_code", "http.response.body.bytes")
TIME = "@timestamp"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_json_lines(
    path: Path, names: Mapping[str, str] | None = None, cut: Callable[[str], str] = str
) -> Iterator[Fields]:
    """The documents of a file of JSON lines. `names`: what the tool calls a field; `cut` finds the JSON in a line."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield to_fields(json.loads(cut(line)), names or {})


def to_fields(document: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Fields:
    """The common fields of a document, its keys nested or with dots.

    `@timestamp` becomes epoch milliseconds; the access log's `-` for "nothing" counts as a field that is not there.
    Types are left as they are: a number written as text stays a text, for the comparison to find.
    """
    names = names or {}
    fields: Fields = {}
    for field in (*TEXTS, *NUMBERS):
        value = _find(document, names.get(field, field))
        if value is not None and value != "-":
            fields[field] = value
    if (time := _find(document, names.get(TIME, TIME))) is not None:
        fields[TIME] = to_epoch_ms(time)
    return fields


def to_epoch_ms(time: str | float) -> int:
    """Milliseconds since 1970 of ISO 8601 text with an offset, or of seconds. Raises ValueError."""
    if isinstance(time, str):
        moment = datetime.fromisoformat(time)
        if moment.tzinfo is None:
            raise ValueError(f"{time!r} has no offset from UTC")
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    return round(time * 1000)


def _find(document: Mapping[str, Any], path: str) -> Any:
    if path in document:
        return document[path]
    found: Any = document
    for key in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def read_bytes(documents: Iterable[bytes]) -> Iterator[Fields]:
    """The same of JSON documents in memory."""
    return (to_fields(json.loads(document)) for document in documents)

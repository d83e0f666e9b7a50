"""JSON objects to columns of members: one decoder for all, made for the keys that a batch has."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import Raw, UnsetType

from pipeline.stages.envelope import Envelope

_SAMPLE = 64
_STEP = 7919
MAX_KEYS = 64

# The types of what `Envelope` says of a missing member.
_MISSING = {UnsetType, bytes}

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Envelope)}
# msgspec names no field that JSON would have to escape.
_PLAIN_KEY = re.compile(r"[\w.@/:-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Members:
    """Objects with the same keys, and values of the same types under them: `columns` by key, a value a row.

    The types are those of `Envelope`, Raw for keys that it lacks. `rows` (ascending) says which record each object is.
    """

    rows: Sequence[int]
    columns: Mapping[str, Sequence[Any]]


def learn_keys(records: Sequence[bytes], known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The keys of some of the records, spread over all, and those that are known; as many as one decoder takes."""
    # A step of a prime's length meets every form in a stream where forms take turns.
    places = {at * _STEP % len(records) for at in range(_SAMPLE)} if records else set()
    keys = dict.fromkeys(known)
    for at in places:
        try:
            keys |= dict.fromkeys(_MEMBERS.decode(records[at]))
        except (msgspec.MsgspecError, RecursionError):
            continue
    others = sorted(key for key in keys if key not in _FIELDS and _PLAIN_KEY.fullmatch(key))
    return tuple([key for key in _FIELDS if key in keys] + others)[:MAX_KEYS]


def read_columns(
    records: Sequence[bytes], rows: Sequence[int], keys: tuple[str, ...]
) -> tuple[list[Members], list[int]]:
    """These rows of the records by their members, and those that are left: no JSON objects, or with other keys.

    `records` are valid UTF-8.
    """
    chosen = [records[row] for row in rows]
    objects, refused = _decode_all(_build_decoder(keys), chosen)
    left = [rows[at] for at in refused]
    if refused:
        rows = [row for row, item in zip(rows, objects, strict=True) if item is not None]
        objects = [item for item in objects if item is not None]
    columns = {key: list(map(attrgetter(_name(at)), objects)) for at, key in enumerate(keys)}
    return list(_part(rows, columns)) if objects else [], left


def _part(rows: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> Iterator[Members]:
    """The rows by the types of their values; what is missing has a type of its own."""
    kinds = {key: set(map(type, column)) for key, column in columns.items()}
    mixed = [columns[key] for key, kind in kinds.items() if len(kind) > 1]
    if not mixed:
        yield Members(rows, {key: column for key, column in columns.items() if not kinds[key] & _MISSING})
        return
    groups: dict[tuple[type, ...], list[int]] = {}
    for at, signature in enumerate(zip(*(map(type, column) for column in mixed), strict=True)):
        groups.setdefault(signature, []).append(at)
    for places in groups.values():
        first = places[0]
        present = {key: column for key, column in columns.items() if type(column[first]) not in _MISSING}
        pick = itemgetter(*places) if len(places) > 1 else _pick_one(first)
        yield Members(pick(rows), {key: pick(column) for key, column in present.items()})


def _pick_one(place: int) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return lambda column: (column[place],)


@lru_cache(maxsize=64)
def _build_decoder(keys: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    fields = []
    for at, key in enumerate(keys):
        known = _FIELDS.get(key)
        kind, default = (Raw, b"") if known is None else (known.type, known.default)
        fields.append((_name(at), kind, msgspec.field(default=default, name=key)))
    return msgspec.json.Decoder(msgspec.defstruct("Members", fields, forbid_unknown_fields=True, gc=False))


def _name(at: int) -> str:
    return f"member_{at}"


def _decode_all(decoder: msgspec.json.Decoder[Any], records: Sequence[bytes]) -> tuple[list[Any], list[int]]:
    """An object a record, and the places of the refused ones, which are None."""
    found: list[Any] = []
    refused: list[int] = []
    rest: Iterator[bytes] = iter(records)
    while True:
        try:
            # One call for all until a record is refused; `rest` then stands behind it.
            found.extend(map(decoder.decode, rest))
        except (msgspec.MsgspecError, RecursionError):
            refused.append(len(found))
            found.append(None)
        else:
            return found, refused

"""Recognise the JSON envelopes of Filebeat, Vector, Fluent Bit and Docker, and take them apart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

from parsers.events.bodies.structured_json import mend_surrogates

Offset: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time: TypeAlias = str | int | float

# Missing members. Bytes, since joining those costs nothing; they behave as an empty Raw does.
NOTHING = cast(Raw, b"")
_MAX_EXTRA_KEYS = 32
_SAMPLE = 32

# An application's own JSON line has a level beside its message; shippers do not add one.
_LEVEL_KEYS = frozenset(
    {"level", "severity", "levelname", "level_name", "loglevel", "log_level", "lvl", "log.level"}
)
_SHIPPER_KEYS = frozenset({"docker", "container_id", "container_name", "tag"})


class LogPart(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Filebeat's `log` object: where in which file the line stood."""

    offset: Offset | UnsetType = UNSET
    file: Raw = NOTHING


class Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The keys that shippers send. What seldom changes stays JSON text, decoded once a batch."""

    at_timestamp: Time | UnsetType = msgspec.field(default=UNSET, name="@timestamp")
    timestamp: Time | UnsetType = UNSET
    time: Time | UnsetType = UNSET
    date: Time | UnsetType = UNSET
    message: str | UnsetType = UNSET
    log: LogPart | str | UnsetType = UNSET
    offset: Offset | UnsetType = UNSET
    metadata: Raw = msgspec.field(default=NOTHING, name="@metadata")
    agent: Raw = NOTHING
    cloud: Raw = NOTHING
    container: Raw = NOTHING
    ecs: Raw = NOTHING
    event: Raw = NOTHING
    fields: Raw = NOTHING
    file: Raw = NOTHING
    host: Raw = NOTHING
    input: Raw = NOTHING
    kubernetes: Raw = NOTHING
    source_type: Raw = NOTHING
    stream: Raw = NOTHING
    tags: Raw = NOTHING


@dataclass(frozen=True, slots=True)
class Opened:
    """A batch of JSON objects, and by row the members that `Envelope` has no place for.

    `envelopes` holds None for what is not valid JSON. Whether an object is an envelope is for `is_envelope`
    to say. `mended` are rows with escaped halves of surrogate pairs, which stand for no character and became
    U+FFFD.
    """

    envelopes: list[Envelope | None]
    extras: dict[int, Mapping[str, Raw]]
    mended: frozenset[int]


def open_envelopes(records: Sequence[bytes]) -> Opened:
    """Take JSON objects apart; `records` are valid UTF-8.

    A few records say which keys this batch has beyond those of `Envelope`; a record with still others costs
    more.
    """
    extra_keys = _learn_keys(records[:: max(1, len(records) // _SAMPLE)])
    envelopes = _decode_all(_build_decoder(extra_keys), records)
    extras = _read_extras(envelopes, extra_keys)
    mended: set[int] = set()
    for row, envelope in enumerate(envelopes):
        if envelope is not None:
            continue
        envelopes[row], extras[row] = _open_slowly(records[row])
        if envelopes[row] is None and (text := mend_surrogates(records[row])) != records[row]:
            envelopes[row], extras[row] = _open_slowly(text)
            mended.add(row)
    return Opened(envelopes, extras, frozenset(mended))


def is_envelope(envelope: Envelope, extras: Mapping[str, Raw]) -> bool:
    """Whether an object wraps a line: `message` or `log` is text, and it is no application's own JSON line.

    Those have a level beside their `message` and nothing that only a shipper writes; a rule for JSON reads
    them.
    """
    if envelope.message is UNSET:
        return isinstance(envelope.log, str)
    has_level = not _LEVEL_KEYS.isdisjoint(extras) or ("log" in extras and b'"level"' in bytes(extras["log"]))
    return not has_level or _is_shipped(envelope) or not _SHIPPER_KEYS.isdisjoint(extras)


def _is_shipped(envelope: Envelope) -> bool:
    parts = (envelope.metadata, envelope.agent, envelope.container, envelope.file, envelope.input)
    more = (envelope.kubernetes, envelope.source_type, envelope.stream)
    return any(part is not NOTHING for part in (*parts, *more)) or isinstance(envelope.log, LogPart)


def _decode_all(decoder: msgspec.json.Decoder[Envelope], records: Sequence[bytes]) -> list[Envelope | None]:
    found: list[Envelope | None] = []
    rest: Iterator[bytes] = iter(records)
    while True:
        try:
            # One call for all until a record is refused; `rest` then stands behind it.
            found.extend(map(decoder.decode, rest))
        except (msgspec.MsgspecError, RecursionError):
            found.append(None)
        else:
            return found


def _learn_keys(records: Sequence[bytes]) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    for record in records:
        try:
            keys |= dict.fromkeys(_MEMBERS.decode(record))
        except (msgspec.MsgspecError, RecursionError):
            continue
    # msgspec names no field that JSON would have to escape.
    return tuple(sorted(key for key in keys if key not in _KNOWN and _PLAIN_KEY.fullmatch(key)))[
        :_MAX_EXTRA_KEYS
    ]


@lru_cache(maxsize=64)
def _build_decoder(extra_keys: tuple[str, ...]) -> msgspec.json.Decoder[Envelope]:
    if not extra_keys:
        return msgspec.json.Decoder(Envelope)
    extra = [
        (f"extra_{at}", Raw, msgspec.field(default=NOTHING, name=key)) for at, key in enumerate(extra_keys)
    ]
    known = msgspec.defstruct(
        "ExtendedEnvelope", extra, bases=(Envelope,), forbid_unknown_fields=True, gc=False
    )
    return msgspec.json.Decoder(known)


def _read_extras(
    envelopes: Sequence[Envelope | None], extra_keys: tuple[str, ...]
) -> dict[int, Mapping[str, Raw]]:
    extras: dict[int, dict[str, Raw]] = {}
    for at, key in enumerate(extra_keys):
        read = attrgetter(f"extra_{at}")
        for row, envelope in enumerate(envelopes):
            if envelope is not None and (raw := read(envelope)) is not NOTHING:
                extras.setdefault(row, {})[key] = raw
    return dict(extras)


def _open_slowly(record: bytes) -> tuple[Envelope | None, Mapping[str, Raw]]:
    """Member by member: one that is not what `Envelope` expects becomes an extra under its own key."""
    try:
        members = _MEMBERS.decode(record)
    except (msgspec.MsgspecError, RecursionError):
        return None, {}
    known: dict[str, Any] = {}
    extras: dict[str, Raw] = {}
    for key, raw in members.items():
        attribute = _KNOWN.get(key)
        if key == "log":
            _open_log(raw, known, extras)
        elif attribute is None:
            extras[key] = raw
        elif _TYPES[attribute] is Raw:
            known[attribute] = raw
        else:
            value = _convert(raw, _TYPES[attribute])
            (extras if value is None else known)[key if value is None else attribute] = (
                raw if value is None else value
            )
    return Envelope(**known), extras


def _open_log(raw: Raw, known: dict[str, Any], extras: dict[str, Raw]) -> None:
    text = _convert(raw, str)
    if text is not None:
        known["log"] = text
        return
    members = _convert(raw, dict[str, Raw])
    if members is None:
        extras["log"] = raw
        return
    offset = _convert(members["offset"], Offset) if "offset" in members else None
    file = members.pop("file", NOTHING)
    if offset is not None:
        del members["offset"]
    if offset is not None or file is not NOTHING:
        known["log"] = LogPart(UNSET if offset is None else offset, file)
    if members:
        extras["log"] = Raw(msgspec.json.encode(members))


def _convert(raw: Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return None


_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_KNOWN: Mapping[str, str] = {field.encode_name: field.name for field in msgspec.structs.fields(Envelope)}
_TYPES: Mapping[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Envelope)}
_PLAIN_KEY = re.compile(r"[\w.@/:-]{1,100}", re.ASCII)

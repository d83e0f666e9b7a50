"""Recognise the JSON envelopes of Filebeat, Vector, Fluent Bit and Docker, and take them apart."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

Offset: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time: TypeAlias = str | int | float

# Missing members. Bytes, since joining those costs nothing; they behave as an empty Raw does.
NOTHING = cast(Raw, b"")

# An application's own JSON line has a level beside its message; shippers do not add one.
LEVEL_KEYS = frozenset(
    {"level", "severity", "levelname", "level_name", "loglevel", "log_level", "lvl", "log.level"}
)
SHIPPER_KEYS = frozenset({"docker", "container_id", "container_name", "tag"})


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


def is_envelope(envelope: Envelope, extras: Mapping[str, Raw]) -> bool:
    """Whether an object wraps a line: `message` or `log` is text, and it is no application's own JSON line.

    Those have a level beside their `message` and nothing that only a shipper writes; a rule for JSON reads
    them.
    """
    if envelope.message is UNSET:
        return isinstance(envelope.log, str)
    has_level = not LEVEL_KEYS.isdisjoint(extras) or ("log" in extras and b'"level"' in bytes(extras["log"]))
    return not has_level or _is_shipped(envelope) or not SHIPPER_KEYS.isdisjoint(extras)


def _is_shipped(envelope: Envelope) -> bool:
    parts = (envelope.metadata, envelope.agent, envelope.container, envelope.file, envelope.input)
    more = (envelope.kubernetes, envelope.source_type, envelope.stream)
    return any(part is not NOTHING for part in (*parts, *more)) or isinstance(envelope.log, LogPart)


def open_object(record: bytes) -> tuple[Envelope | None, Mapping[str, Raw]]:
    """Take a JSON object apart member by member; `record` is valid UTF-8.

    A member that is not what `Envelope` expects becomes an extra under its own key, as JSON text. None for what is no
    valid JSON object. Whether an object is an envelope is for `is_envelope` to say.
    """
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


def read_line(
    envelope: Envelope, extras: Mapping[str, Raw]
) -> tuple[str, Time | UnsetType, int | UnsetType, Raw, Mapping[str, Raw]]:
    """Text, time, offset in the file, file, and the members that have no column of their own."""
    spare: dict[str, Raw] = {}
    text, log, offset, file = envelope.message, envelope.log, envelope.offset, envelope.file
    if isinstance(log, LogPart):
        if file is not NOTHING:
            spare["file"] = file
        _keep(spare, "offset", offset)
        offset, file = log.offset, log.file
    elif file is NOTHING:
        # A position in something that is not a file, such as the topic of Vector's Kafka source.
        _keep(spare, "offset", offset)
        offset = UNSET
    if isinstance(log, str):
        if text is UNSET:
            text = log
        else:
            _keep(spare, "log", log)
    time = envelope.at_timestamp
    for name in ("timestamp", "time", "date"):
        if time is UNSET:
            time = getattr(envelope, name)
        else:
            _keep(spare, name, getattr(envelope, name))
    return str(text), time, offset, file, {**extras, **spare} if spare else extras


def _keep(spare: dict[str, Raw], name: str, value: Time | UnsetType) -> None:
    if value is not UNSET:
        spare[name] = Raw(msgspec.json.encode(value))


def is_cut_by_docker(envelope: Envelope) -> bool:
    """json-file splits lines of 16 KiB and more; of such pieces only the last ends with a newline."""
    is_docker = envelope.message is UNSET and envelope.stream is not NOTHING and envelope.time is not UNSET
    others = (envelope.at_timestamp, envelope.timestamp, envelope.date)
    return is_docker and all(time is UNSET for time in others) and not str(envelope.log).endswith("\n")


_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_KNOWN: Mapping[str, str] = {field.encode_name: field.name for field in msgspec.structs.fields(Envelope)}
_TYPES: Mapping[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Envelope)}

"""A batch of envelopes as columns. What a shipper repeats with every record is read once a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl
from msgspec import UNSET, Raw, UnsetType

from pipeline.stages.envelope import NOTHING, Envelope, LogPart, Time, is_envelope, open_envelopes
from pipeline.stages.envelope_context import limit_labels, merge_fields, read_part, to_columns
from pipeline.stages.envelope_fields import Leaf
from pipeline.stages.envelope_times import to_milliseconds
from pipeline.stages.identity import to_file_origin

_NO_EXTRAS: Mapping[str, Raw] = {}
_PARTS = (
    "host", "agent", "log.file", "input", "fields", "tags", "event", "source_type", "stream", "container",
    "kubernetes", "cloud",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EnvelopeRows:
    """`frame` has a row an envelope, `rows` says which record each is; `broken` are records that are no JSON.

    Columns: `event.original`; `_created` (Int64, epoch ms: the envelope's time, null without one); `_partial`
    (Boolean); `_origin` (null unless the envelope names an agent or host, and a file); `log.offset` (Int64,
    byte offset in that file); and the context. `mended` are envelopes with a character that no text can hold.
    """

    frame: pl.DataFrame
    rows: list[int]
    broken: list[int]
    mended: list[int]


def read_envelopes(records: Sequence[bytes]) -> EnvelopeRows:
    """Take apart the records that are envelopes; other JSON objects are neither in `rows` nor in `broken`."""
    opened = open_envelopes(records)
    rows: list[int] = []
    broken: list[int] = []
    texts: list[str] = []
    times: list[Time | None] = []
    offsets: list[int | None] = []
    contexts: list[int] = []
    codes: dict[bytes, int] = {}
    samples: list[tuple[Raw, ...]] = []
    partial: list[int] = []
    rests: dict[int, Mapping[str, Raw]] = {}
    for row, envelope in enumerate(opened.envelopes):
        if envelope is None:
            broken.append(row)
            continue
        log, text, time = envelope.log, envelope.message, envelope.at_timestamp
        offset: int | UnsetType | None
        if (
            type(log) is LogPart
            and text is not UNSET
            and envelope.timestamp is UNSET
            and envelope.time is UNSET
            and envelope.date is UNSET
            and envelope.offset is UNSET
            and envelope.file is NOTHING
            and row not in opened.extras
        ):
            # Most records are Filebeat's, and have only this.
            offset, file = log.offset, log.file
        else:
            extras = opened.extras.get(row, _NO_EXTRAS)
            if not is_envelope(envelope, extras):
                continue
            text, time, offset, file, rest = _read_line(envelope, extras)
            if rest:
                rests[len(rows)] = rest
            if _is_cut_by_docker(envelope):
                partial.append(len(rows))
        parts = (
            envelope.host, envelope.agent, file, envelope.input, envelope.fields, envelope.tags,
            envelope.event, envelope.source_type, envelope.stream,
            envelope.container, envelope.kubernetes, envelope.cloud,
        )  # fmt: skip
        code = codes.setdefault(b"\0".join(parts), len(samples))
        if code == len(samples):
            samples.append(parts)
        rows.append(row)
        contexts.append(code)
        texts.append(text)
        times.append(None if time is UNSET else time)
        offsets.append(None if offset is UNSET else offset)
    created = to_milliseconds(times)
    for place in created.is_null().arg_true().to_list():
        if times[place] is not None:
            rests[place] = {**rests.get(place, {}), "time": Raw(msgspec.json.encode(times[place]))}
    frame = pl.DataFrame(
        {
            "event.original": pl.Series(texts, dtype=pl.String),
            "_created": created,
            "_partial": pl.repeat(False, len(rows), dtype=pl.Boolean, eager=True).scatter(partial, True),
            "log.offset": pl.Series(offsets, dtype=pl.Int64),
        }
    )
    mended = [row for row in rows if row in opened.mended]
    return EnvelopeRows(_with_context(frame, samples, contexts, rests), rows, broken, mended)


def _read_line(
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


def _is_cut_by_docker(envelope: Envelope) -> bool:
    """json-file splits lines of 16 KiB and more; of such pieces only the last ends with a newline."""
    is_docker = envelope.message is UNSET and envelope.stream is not NOTHING and envelope.time is not UNSET
    others = (envelope.at_timestamp, envelope.timestamp, envelope.date)
    return is_docker and all(time is UNSET for time in others) and not str(envelope.log).endswith("\n")


def _with_context(
    frame: pl.DataFrame,
    samples: Sequence[tuple[Raw, ...]],
    codes: Sequence[int],
    rests: Mapping[int, Mapping[str, Raw]],
) -> pl.DataFrame:
    cache: dict[tuple[str, bytes], dict[str, Leaf]] = {}

    def read(name: str, raw: Raw) -> dict[str, Leaf]:
        key = (name, bytes(raw))
        if key not in cache:
            cache[key] = read_part(*key)
        return cache[key]

    contexts: list[dict[str, Leaf]] = []
    for parts in samples:
        context: dict[str, Leaf] = {}
        for name, raw in zip(_PARTS, parts, strict=True):
            context = merge_fields(context, read(name, raw))
        contexts.append(context)
    own = list(codes)
    merged: dict[tuple[int, str, bytes], int] = {}
    for row, rest in rests.items():
        if not rest:
            continue
        key = (codes[row], "\0".join(rest), b"\0".join(rest.values()))
        if key not in merged:
            merged[key] = len(contexts)
            context = contexts[codes[row]]
            for name, raw in rest.items():
                context = merge_fields(context, read(name, raw))
            contexts.append(context)
        own[row] = merged[key]
    limit_labels(contexts)
    origins = pl.Series("_origin", [_find_origin(context) for context in contexts], dtype=pl.String)
    table = pl.DataFrame([origins, *to_columns(contexts)])
    return frame.hstack(table[own] if contexts else table)


def _find_origin(context: Mapping[str, Leaf]) -> str | None:
    owner = context.get("agent.id") or context.get("host.name")
    path = context.get("log.file.path")
    if not owner or not path:
        return None
    device_and_inode = (context.get(f"log.file.{name}", "") for name in ("device_id", "inode"))
    identity = context.get("log.file.fingerprint") or ":".join(map(str, device_and_inode))
    return to_file_origin(str(owner), str(identity), str(path))

"""A batch of envelopes as columns. What a shipper repeats with every record is read once a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl
from msgspec import UNSET, Raw

from parsers.events.bodies.structured_json import mend_surrogates
from pipeline.stages.envelope import (
    LEVEL_KEYS,
    SHIPPER_KEYS,
    Envelope,
    LogPart,
    Time,
    is_cut_by_docker,
    is_envelope,
    open_object,
    read_line,
)
from pipeline.stages.envelope_columns import MAX_KEYS, Members, learn_keys, read_columns
from pipeline.stages.envelope_table import PARTS, Surroundings
from pipeline.stages.envelope_times import to_milliseconds

_TIMES = ("@timestamp", "timestamp", "time", "date")
_SHIPPED = frozenset({"@metadata", "agent", "container", "input", "kubernetes", "source_type", "stream"})
_OWN_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(Envelope))
_NO_REST: Mapping[str, Raw] = {}
# So many objects fit into a core's cache until they are columns: all at once takes half as long again.
_PIECE = 512
# With more records that have other keys, some of these are asked for theirs.
_MANY = 0.02


@dataclass(frozen=True, slots=True)
class EnvelopeRows:
    """`frame` has a row an envelope, `rows` says which record each is; `broken` are records that are no JSON.

    Columns: `event.original`; `_created` (Int64, epoch ms: the envelope's time, null without one); `_partial`
    (Boolean); `_origin` (null unless the envelope names an agent or host, and a file); `log.offset` (Int64,
    byte offset in that file); and the context. `mended` are envelopes with a character that no text can hold.
    """

    frame: pl.DataFrame
    rows: pl.Series
    broken: list[int]
    mended: list[int]


def read_envelopes(records: Sequence[bytes]) -> EnvelopeRows:
    """Take apart the records that are envelopes; other JSON objects are neither in `rows` nor in `broken`.

    `records` are valid UTF-8. Those with keys and types in common are read by column, what is left one by one.
    """
    lines = _Lines()
    broken: list[int] = []
    mended: list[int] = []
    keys = learn_keys(records)
    for first in range(0, len(records), _PIECE):
        rows = range(first, min(first + _PIECE, len(records)))
        alike, left = read_columns(records, rows, keys)
        if len(left) > _MANY * len(rows) and len(keys) < MAX_KEYS:
            wider = learn_keys([records[row] for row in left], keys)
            more, left = read_columns(records, left, wider) if wider != keys else ([], left)
            alike, keys = alike + more, wider
        for members in alike:
            _read_members(members, lines)
        _read_objects(records, left, lines, broken, mended)
    return EnvelopeRows(*_to_frame(lines), broken, mended)


class _Lines:
    """Envelopes taken apart, a value a line; `rests` by place are members without a column of their own."""

    def __init__(self) -> None:
        self.around = Surroundings()
        self.rows: list[int] = []
        self.texts: list[pl.Series] = []
        self.times: list[Time | None] = []
        self.offsets: list[int | None] = []
        self.codes: list[int] = []
        self.cut: list[int] = []
        self.rests: dict[int, Mapping[str, Raw]] = {}


def _read_members(members: Members, lines: _Lines) -> None:
    """What `read_line` says of each object, unless they are no envelopes. Keys and types alone decide both."""
    columns = dict(members.columns)
    extras = {key: columns.pop(key) for key in members.columns if key not in _OWN_KEYS}
    log, file, offsets = (columns.pop(key, None) for key in ("log", "file", "offset"))
    texts = columns.get("message")
    is_part = log is not None and isinstance(log[0], LogPart)
    is_shipped = is_part or file is not None or not _SHIPPED.isdisjoint(columns)
    is_own = not LEVEL_KEYS.isdisjoint(extras) and not is_shipped and SHIPPER_KEYS.isdisjoint(extras)
    if (log is None or is_part) if texts is None else is_own:
        return
    rests: dict[str, Sequence[Any] | None] = {**extras}
    if log is not None and is_part:
        rests |= {"file": file, "offset": _encode(offsets)}
        offsets = [None if part.offset is UNSET else part.offset for part in log]
        file = [part.file for part in log]
    elif file is None:
        # A position in something that is not a file, such as the topic of Vector's Kafka source.
        rests |= {"offset": _encode(offsets)}
        offsets = None
    times = [key for key in _TIMES if key in columns]
    first, count = len(lines.rows), len(members.rows)
    if texts is None:
        texts = log or ()
        if "stream" in columns and times == ["time"]:
            lines.cut += [first + at for at, text in enumerate(texts) if not text.endswith("\n")]
    elif not is_part:
        rests |= {"log": _encode(log)}
    rests |= {key: _encode(columns[key]) for key in times[1:]}
    parts = {name: column for name in PARTS if (column := file if name == "log.file" else columns.get(name))}
    lines.rows += members.rows
    # A column now, while the texts are still in the cache.
    lines.texts.append(pl.Series(texts, dtype=pl.String))
    lines.times += columns[times[0]] if times else [None] * count
    lines.offsets += offsets or [None] * count
    lines.codes += lines.around.add_all(parts, count)
    if rest := {key: column for key, column in rests.items() if column is not None}:
        values = zip(*rest.values(), strict=True)
        lines.rests |= {first + at: dict(zip(rest, each, strict=True)) for at, each in enumerate(values)}


def _encode(column: Sequence[Any] | None) -> list[Raw] | None:
    return None if column is None else [Raw(msgspec.json.encode(value)) for value in column]


def _read_objects(
    records: Sequence[bytes], rows: Sequence[int], lines: _Lines, broken: list[int], mended: list[int]
) -> None:
    """The envelopes among these rows, one by one; `broken` and `mended` get the rows that are so."""
    parts: dict[str, list[Raw]] = {name: [] for name in PARTS}
    texts: list[str] = []
    for row in rows:
        envelope, extras = open_object(records[row])
        is_mended = envelope is None and (whole := mend_surrogates(records[row])) != records[row]
        if is_mended:
            envelope, extras = open_object(whole)
        if envelope is None:
            broken.append(row)
            continue
        if not is_envelope(envelope, extras):
            continue
        text, time, offset, file, rest = read_line(envelope, extras)
        for name, column in parts.items():
            column.append(file if name == "log.file" else getattr(envelope, name))
        if is_cut_by_docker(envelope):
            lines.cut.append(len(lines.rows))
        if rest:
            lines.rests[len(lines.rows)] = rest
        mended += [row] if is_mended else []
        lines.rows.append(row)
        lines.times.append(None if time is UNSET else time)
        lines.offsets.append(None if offset is UNSET else offset)
        texts.append(text)
    lines.texts.append(pl.Series(texts, dtype=pl.String))
    lines.codes += lines.around.add_all(parts, len(parts["host"]))


def _to_frame(lines: _Lines) -> tuple[pl.DataFrame, pl.Series]:
    times, created = lines.times, to_milliseconds(lines.times)
    for at in created.is_null().arg_true():
        if times[at] is not None:
            lines.rests[at] = {**lines.rests.get(at, {}), "time": Raw(msgspec.json.encode(times[at]))}
    for at, rest in lines.rests.items():
        lines.codes[at] = lines.around.add_rest(lines.codes[at], rest)
    rows = pl.Series(lines.rows, dtype=pl.UInt32)
    codes = pl.Series(lines.codes, dtype=pl.Int64)
    frame = pl.DataFrame(
        {
            "event.original": pl.concat([pl.Series(dtype=pl.String), *lines.texts]),
            "_created": created,
            "_partial": pl.repeat(False, len(rows), dtype=pl.Boolean, eager=True).scatter(lines.cut, True),
            "log.offset": pl.Series(lines.offsets, dtype=pl.Int64),
        }
    )
    if not rows.is_sorted():
        order = rows.arg_sort()
        frame, rows, codes = frame[order], rows.gather(order), codes.gather(order)
    return frame.hstack(lines.around.build(codes.to_numpy())), rows

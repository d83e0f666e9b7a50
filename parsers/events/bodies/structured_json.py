import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl
from msgspec import Raw

from parsers.events.bodies.structured_bodies import BEYOND, Bodies
from parsers.model import Body

# Elasticsearch 9.5 refuses a whole document for what lies beyond, in `flattened` fields too: deeper objects,
# longer numbers (1,000 digits), longer keys (some 32,000 bytes with their path), and NUL in a key.
MAX_KEY = 1_000
MAX_NUMBER = 900

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def read_json_bodies(texts: pl.Series, wanted: Mapping[str, bool], body: Body) -> Bodies:
    """Texts that are one JSON object (RFC 8259).

    A wanted key that some text has gives a String column: a string's characters, else the value's JSON text
    (numbers as they were written); null where the key is missing or its value is null. A key with dots means a
    member of that very name or, failing that, of nested objects. A value that is an object goes to `objects` if
    the key wants one, and stays with the rest if not.

    Of equal keys the last wins. What nests deeper than `body.max_depth` becomes its own JSON text, as a string; so
    does a number of more than `MAX_NUMBER` digits, and a key ends after `MAX_KEY` characters. Members that bring
    more than `body.max_fields` fields become one JSON text, `BEYOND`. Escaped halves of surrogate pairs become
    U+FFFD. Any other text that a JSON parser refuses is no object; nothing raises.
    """
    found: list[bool] = []
    rest: list[str | None] = []
    columns: dict[str, list[str | None]] = {}
    objects: dict[str, list[str | None]] = {}
    plain = {key for key in wanted if "." not in key}
    dotted = set(wanted) - plain
    nested: dict[str, list[tuple[str, list[str]]]] = {}
    for key in sorted(dotted, key=lambda key: (-key.count("."), key)):
        path = key.split(".")
        nested.setdefault(path[0], []).append((key, path))
    # A set's `intersection` with a mapping walks over the mapping; `&` would walk over the hundred keys.
    parents, height, depth = frozenset(nested), len(texts), body.max_depth

    for row, text in enumerate(texts.to_list()):
        members = _read_members(text)
        found.append(members is not None)
        if members is None:
            rest.append(None)
            continue
        # Only what the row has is looked at: rules want a hundred keys, rows hold a few. A member of the very
        # name comes before a nested one, and `log.level` is taken out of `log` before `log` itself.
        named = dotted.intersection(members)
        for key in named:
            value = bytes(members[key])
            if value[:1] != b"{":
                del members[key]
                _put(columns, key, row, height, _to_text(value, depth))
            elif wanted[key]:
                del members[key]
                _put(objects, key, row, height, _to_text(value, depth))
        for name in parents.intersection(members):
            original, has_lost = members[name], False
            for key, path in nested[name]:
                raw = None if key in named else _take(members, path, wanted[key])
                if raw is not None:
                    has_lost = True
                    target = objects if _is_object(raw) else columns
                    _put(target, key, row, height, _to_text(bytes(raw), depth))
            if name in members:
                members[name] = Raw(msgspec.json.encode(members[name])) if has_lost else original
        for key in plain.intersection(members):
            value = bytes(members[key])
            if value[:1] != b"{":
                del members[key]
                _put(columns, key, row, height, _to_text(value, depth))
            elif wanted[key]:
                del members[key]
                _put(objects, key, row, height, _to_text(value, depth))
        rest.append(_to_compact(members, body) if members else None)
    return Bodies(
        matched=pl.Series("matched", found, dtype=pl.Boolean),
        values=_to_columns(columns),
        rest={"": pl.Series("rest", rest, dtype=pl.String)},
        objects=_to_columns(objects),
    )


def _put(columns: dict[str, list[str | None]], key: str, row: int, height: int, value: str | None) -> None:
    # A rule wants a hundred keys; columns are made for those that come.
    column = columns.get(key)
    if column is None:
        column = columns[key] = [None] * height
    column[row] = value


def _to_columns(columns: Mapping[str, list[str | None]]) -> dict[str, pl.Series]:
    return {key: pl.Series(key, values, dtype=pl.String) for key, values in columns.items()}


def mend_surrogates(text: bytes) -> bytes:
    r"""JSON text in which escaped halves of surrogate pairs (`\ud83d` without its other half) are U+FFFD."""
    if _SURROGATE.search(text) is None:
        return text
    return _ESCAPES.sub(lambda escape: rb"\ufffd" if escape["lone"] else escape[0], text)


def _read_members(text: str | None) -> dict[str, Any] | None:
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        return _MEMBERS.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        mended = mend_surrogates(text.encode())
    try:
        return _MEMBERS.decode(mended)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _is_object(raw: Raw) -> bool:
    return bytes(raw)[:1] == b"{"


def _take(members: dict[str, Any], path: Sequence[str], takes_object: bool) -> Raw | None:
    """Take a nested member out; an object that is empty then goes too. Objects on the way stay opened, as dicts."""
    inner = _open(members, path[0])
    if inner is None:
        return None
    name = ".".join(path[1:])
    found = inner.get(name)
    if found is None:
        found = _take(inner, path[1:], takes_object) if len(path) > 2 else None
    elif not isinstance(found, dict) and not _is_object(found):
        del inner[name]
    elif takes_object:
        del inner[name]
        found = Raw(msgspec.json.encode(found))
    else:
        return None
    if found is not None and not inner:
        del members[path[0]]
    return found


def _open(members: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = members.get(name)
    if isinstance(value, dict):
        return value
    if value is None or not _is_object(value):
        return None
    opened: dict[str, Any] = _MEMBERS.decode(value)
    members[name] = opened
    return opened


def _to_text(raw: bytes, max_depth: int) -> str | None:
    if raw[:1] == b'"':
        return msgspec.json.decode(raw, type=str) if b"\\" in raw else raw[1:-1].decode()
    if raw == b"null":
        return None
    return _tidy(raw, max_depth).decode() if raw[:1] in b"{[" else raw.decode()


def _to_compact(members: dict[str, Raw], body: Body) -> str:
    raw = msgspec.json.encode(members)
    # Every member has a colon behind its key.
    if raw.count(b'":') > body.max_fields:
        raw = msgspec.json.encode(_limit_fields(members, body))
    # Without an inner object, array or escape it is compact already.
    is_flat = raw.find(b"{", 1) < 0 and b"[" not in raw and b"\\" not in raw and len(raw) < MAX_NUMBER
    return (raw if is_flat else _tidy(raw, body.max_depth)).decode()


def _limit_fields(members: dict[str, Raw], body: Body) -> dict[str, Raw]:
    """The first members that bring at most `max_fields` fields together, and the others as one text."""
    kept: dict[str, Raw] = {}
    left = body.max_fields
    items = iter(members.items())
    beyond: dict[str, Raw] = {}
    for key, raw in items:
        text = bytes(raw)
        left -= max(1, text.count(b'":')) if text[:1] in b"{[" else 1
        if left < 0:
            # All that come after it, too; without a look, for there may be tens of thousands.
            beyond = {key: raw, **dict(items)}
            break
        kept[key] = raw
    if beyond:
        kept[BEYOND] = Raw(
            msgspec.json.encode(msgspec.json.format(msgspec.json.encode(beyond), indent=-1).decode())
        )
    return kept


def _tidy(raw: bytes, max_depth: int) -> bytes:
    """Compact, and within what Elasticsearch takes."""
    raw = msgspec.json.format(raw, indent=-1)
    depth = raw.count(b"{") + raw.count(b"[")
    is_odd = depth > max_depth or b"\\u0000" in raw or _LONG_NUMBER.search(raw) or _LONG_KEY.search(raw)
    return _limit(raw, max_depth) if is_odd else raw


def _limit(raw: bytes, depth: int) -> bytes:
    if raw[:1] not in b"{[":
        return msgspec.json.encode(raw.decode()) if len(raw) > MAX_NUMBER and raw[:1] != b'"' else raw
    if depth == 0:
        return msgspec.json.encode(raw.decode())
    if raw[:1] == b"[":
        items = msgspec.json.decode(raw, type=list[Raw])
        return msgspec.json.encode([Raw(_limit(bytes(item), depth - 1)) for item in items])
    members = {
        key.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_KEY]: Raw(_limit(bytes(item), depth - 1))
        for key, item in _MEMBERS.decode(raw).items()
    }
    return msgspec.json.encode(members)


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Both begin at one place of a run only: else a long text would be read over again from each of its characters.
_LONG_NUMBER = re.compile(rb"(?<![0-9])[0-9]{%d}" % MAX_NUMBER)
_LONG_KEY = re.compile(rb'"[^"]{%d,}+":' % MAX_KEY)

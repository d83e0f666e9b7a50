"""JSON values and objects as the texts that documents take: compact, and within what Elasticsearch accepts."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from parsers.events.bodies.structured_bodies import BEYOND
from parsers.model import Body

# Elasticsearch 9.5 refuses a whole document for what lies beyond, in `flattened` fields too: deeper objects,
# longer numbers (1,000 digits), longer keys (some 32,000 bytes with their path), and NUL in a key.
MAX_KEY = 1_000
MAX_NUMBER = 900

MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ENCODER = msgspec.json.Encoder()
# Begins at one place of a run only: else a long text would be read over again from each of its characters.
_LONG_KEY = re.compile(rb'"[^"]{%d,}+":' % MAX_KEY)
# All digits as one, and all that stands between quotes: so that a long run is found as a text.
_DIGITS = bytes(0x30 if 0x30 <= code <= 0x39 else 0x20 for code in range(256))
_UNQUOTED = bytes(0x22 if code == 0x22 else 0x20 for code in range(256))
_DIGITS_RUN, _UNQUOTED_RUN = b"0" * MAX_NUMBER, b" " * MAX_KEY
# An element between two objects of an array: inside a string its quotes would be escaped.
_BETWEEN = r',"\u0000",'


def to_text(raw: bytes, max_depth: int) -> str | None:
    """A string's characters, None of `null`, else the value's JSON text."""
    if raw[:1] == b'"':
        return msgspec.json.decode(raw, type=str) if b"\\" in raw else raw[1:-1].decode()
    if raw == b"null":
        return None
    return tidy(raw, max_depth).decode() if raw[:1] in b"{[" else raw.decode()


def to_compact(members: dict[str, Raw], body: Body) -> str:
    """An object's text, limited as `read_json_bodies` says."""
    raw = msgspec.json.encode(members)
    # Every member has a colon behind its key.
    if raw.count(b'":') > body.max_fields:
        raw = msgspec.json.encode(_limit_fields(members, body))
    # Without an inner object, array or escape it is compact already.
    is_flat = raw.find(b"{", 1) < 0 and b"[" not in raw and b"\\" not in raw and len(raw) < MAX_NUMBER
    return (raw if is_flat else tidy(raw, body.max_depth)).decode()


def write_objects(objects: Sequence[dict[str, Any]], body: Body) -> list[str | None]:
    """The texts of many objects at once, as `to_compact` writes each.

    Args:
        objects: members are Raw values or objects of such.
        body: has the limits.

    Returns:
        A text for each object; None where a limit may be reached, so that the object needs a look of its own.
    """
    written = _ENCODER.encode_lines(objects)
    texts: list[str] = written.decode().split("\n")
    texts.pop()
    if len(texts) != len(objects):
        # Values of several lines.
        texts = [msgspec.json.encode(members).decode() for members in objects]
    kept: list[str | None] = [text if text.count('":') <= body.max_fields else None for text in texts]
    if b"[" in written or b"\\" in written or written.count(b"{") > len(texts):
        _compact(kept, body.max_depth)
    width = 1 if written.isascii() else 4
    if max(map(len, texts), default=0) * width >= MAX_NUMBER:
        return [None if text is None or _has_long_part(text.encode()) else text for text in kept]
    return kept


def _compact(texts: list[str | None], max_depth: int) -> None:
    """Takes the blanks out of texts, and those texts out that nest too deep or may have a NUL."""
    rows: list[int] = []
    inner: list[str] = []
    for row, text in enumerate(texts):
        if text is not None and (text.find("{", 1) > 0 or "[" in text or "\\" in text):
            if "\\u0000" in text or text.count("{") + text.count("[") > max_depth:
                texts[row] = None
            else:
                rows.append(row)
                inner.append(text)
    if not rows:
        return
    joined = msgspec.json.format("[" + _BETWEEN.join(inner) + "]", indent=-1)
    for row, compact in zip(rows, joined[1:-1].split(_BETWEEN), strict=True):
        texts[row] = compact


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


def tidy(raw: bytes, max_depth: int) -> bytes:
    """A JSON value, compact, and within what Elasticsearch takes."""
    raw = msgspec.json.format(raw, indent=-1)
    is_deep = raw.count(b"{") + raw.count(b"[") > max_depth
    is_odd = is_deep or b"\\u0000" in raw or _has_long_part(raw)
    return _limit(raw, max_depth) if is_odd else raw


def _has_long_part(raw: bytes) -> bool:
    if len(raw) < MAX_NUMBER:
        return False
    if _DIGITS_RUN in raw.translate(_DIGITS):
        return True
    return _UNQUOTED_RUN in raw.translate(_UNQUOTED) and _LONG_KEY.search(raw) is not None


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
        for key, item in MEMBERS.decode(raw).items()
    }
    return msgspec.json.encode(members)

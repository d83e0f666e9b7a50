import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl
from msgspec import Raw

from parsers.events.bodies.structured_bodies import Bodies, read_in_parts, to_columns
from parsers.events.bodies.structured_json_columns import build_level, group_by_keys, take_columns
from parsers.events.bodies.structured_json_limits import MEMBERS, to_compact, write_objects
from parsers.events.bodies.structured_json_rows import Taken, sort_keys, take_row
from parsers.model import Body

# What is asked of a group costs what a few rows cost on their own.
FEWEST = 3

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
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
    keys = tuple(wanted.items())
    return read_in_parts(texts, lambda part: _read_part(part, keys, body))


def _read_part(texts: Sequence[str | None], keys: tuple[tuple[str, bool], ...], body: Body) -> Bodies:
    objects = _read_objects(texts)
    found = [members is not None for members in objects]
    taken = Taken(len(texts), {}, {})
    rest: list[str | None] = [None] * len(texts)
    few, odd = _read_groups(objects, keys, body, taken, rest)
    sorted_keys = sort_keys(keys if few or odd else ())
    for row in odd:
        objects[row] = _read_members(texts[row])
        for column in (*taken.values.values(), *taken.objects.values()):
            column[row] = None
    for row in few + odd:
        members = objects[row] or {}
        take_row(members, row, sorted_keys, body.max_depth, taken)
        rest[row] = to_compact(members, body) if members else None
    return Bodies(
        matched=pl.Series("matched", found, dtype=pl.Boolean),
        values=to_columns(taken.values),
        rest=to_columns({"": rest}),
        objects=to_columns(taken.objects),
    )


def _read_groups(
    objects: Sequence[dict[str, Any] | None],
    keys: tuple[tuple[str, bool], ...],
    body: Body,
    taken: Taken,
    rest: list[str | None],
) -> tuple[list[int], list[int]]:
    """Reads the objects group by group.

    Returns:
        The rows that are left to be read one by one, and those that have to be read anew: parts of them were taken.
    """
    level = build_level(keys)
    few: list[int] = []
    odd: list[int] = []
    left: list[int] = []
    for shape, rows in group_by_keys(objects).items():
        if len(rows) < FEWEST:
            few += rows
            continue
        group = [members for row in rows if (members := objects[row]) is not None]
        strange = take_columns(shape, group, rows, level, body.max_depth, taken)
        odd += strange
        left += [row for row, members in zip(rows, group, strict=True) if members and row not in strange]
    for row, text in zip(left, write_objects([objects[row] or {} for row in left], body), strict=True):
        rest[row] = text
        if text is None:
            odd.append(row)
    return few, odd


def mend_surrogates(text: bytes) -> bytes:
    r"""JSON text in which escaped halves of surrogate pairs (`\ud83d` without its other half) are U+FFFD."""
    if _SURROGATE.search(text) is None:
        return text
    return _ESCAPES.sub(lambda escape: rb"\ufffd" if escape["lone"] else escape[0], text)


def _read_objects(texts: Sequence[str | None]) -> list[dict[str, Raw] | None]:
    try:
        return list(map(MEMBERS.decode, texts))  # type: ignore[arg-type]
    except (msgspec.MsgspecError, RecursionError, TypeError):
        return [_read_members(text) for text in texts]


def _read_members(text: str | None) -> dict[str, Raw] | None:
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        return MEMBERS.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        mended = mend_surrogates(text.encode())
    try:
        return MEMBERS.decode(mended)
    except (msgspec.MsgspecError, RecursionError):
        return None

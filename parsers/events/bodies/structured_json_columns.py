"""The members that a rule wants, taken out of all objects that have the same keys at once, key by key.

A program writes few different sequences of keys. What has to be asked of a key is asked once for all rows that have
the same, and the values of a key become texts in one call. Rows that are not alike (an object where the others have a
text) are left to `structured_json_rows`, whose results these are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from parsers.events.bodies.structured_json_limits import to_text
from parsers.events.bodies.structured_json_rows import Taken, Texts, is_object

Objects: TypeAlias = list[dict[str, Any]]
Shape: TypeAlias = tuple[str, ...]

_TEXTS = msgspec.json.Decoder(list[str | None])
_OBJECTS = msgspec.json.Decoder(list[dict[str, Raw]])


@dataclass(frozen=True, slots=True)
class Level:
    """What is wanted of the objects at one place.

    `names`: by the name of a member (which may have dots) the wanted key, and whether it may be an object. `inner`: by
    the name of a member what is wanted of the object that it may be.
    """

    names: dict[str, tuple[str, bool]] = field(default_factory=dict)
    inner: dict[str, "Level"] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def build_level(keys: tuple[tuple[str, bool], ...]) -> Level:
    """The items of a mapping of wanted keys as the level of whole texts."""
    root = Level()
    for key, takes_object in keys:
        parts = key.split(".")
        level = root
        for at, part in enumerate(parts, 1):
            level.names[".".join(parts[at - 1 :])] = (key, takes_object)
            if at < len(parts):
                level = level.inner.setdefault(part, Level())
    return root


def group_by_keys(objects: Sequence[dict[str, Any] | None]) -> dict[Shape, list[int]]:
    """The places of the objects that have the same keys in the same order."""
    groups: dict[Shape, list[int]] = {}
    for place, members in enumerate(objects):
        if members is not None:
            shape = tuple(members)
            if shape in groups:
                groups[shape].append(place)
            else:
                groups[shape] = [place]
    return groups


def take_columns(
    shape: Shape, objects: Objects, rows: list[int], level: Level, depth: int, taken: Taken
) -> set[int]:
    """Takes the wanted members out of `objects`, which all have the keys `shape` and are those of `rows`.

    Returns:
        The rows that `structured_json_rows` has to read, anew from their texts: what is left of their objects is worth
        nothing, and neither is what was put to their places.
    """
    reader = _Reader(depth, taken, set())
    reader.take_group(shape, objects, rows, level, is_top=True)
    return reader.odd


@dataclass(frozen=True, slots=True)
class _Reader:
    depth: int
    taken: Taken
    odd: set[int]

    def take_group(
        self, shape: Shape, objects: Objects, rows: list[int], level: Level, *, is_top: bool = False
    ) -> list[bool]:
        """Which of the objects lost a member."""
        lost = [False] * len(rows)
        for name in shape:
            wanted, inner = level.names.get(name), level.inner.get(name)
            if wanted is None and inner is None:
                continue
            if "." in name and name.partition(".")[0] in shape:
                # A member of the very name comes before a nested one; nowhere else does one key bar another.
                self.odd.update(rows)
                return lost
            if is_object(objects[0][name]):
                lost = self._take_objects(name, objects, rows, wanted, inner, lost, is_top)
            elif wanted is not None:
                texts = self._read_texts([members.pop(name) for members in objects], rows)
                put_texts(self.taken.values, wanted[0], rows, self.taken.height, texts)
                lost = [True] * len(rows)
            else:
                self.odd.update(
                    row for row, members in zip(rows, objects, strict=True) if is_object(members[name])
                )
        return lost

    def _take_objects(
        self,
        name: str,
        objects: Objects,
        rows: list[int],
        wanted: tuple[str, bool] | None,
        inner: Level | None,
        lost: list[bool],
        is_top: bool,
    ) -> list[bool]:
        """Takes members out of the objects named so, or these themselves."""
        raws = [members[name] for members in objects]
        takes_object = wanted is not None and wanted[1]
        opened = _open(raws) if inner is not None else None
        if inner is None:
            self.odd.update(row for row, raw in zip(rows, raws, strict=True) if not is_object(raw))
            if wanted is not None and takes_object:
                texts = [to_text(bytes(raw), self.depth) for raw in raws]
                put_texts(self.taken.objects, wanted[0], rows, self.taken.height, texts)
                for members in objects:
                    del members[name]
                return [True] * len(rows)
            return lost
        if opened is None or takes_object:
            # Some are no objects; or what is left of one is a value as well.
            self.odd.update(rows)
            return lost
        losses = self._take_level(opened, rows, inner)
        for members, left, has_lost in zip(objects, opened, losses, strict=True):
            if has_lost and not left:
                del members[name]
            elif has_lost or not is_top:
                members[name] = left
        return [one or other for one, other in zip(lost, losses, strict=True)]

    def _take_level(self, objects: Objects, rows: list[int], level: Level) -> list[bool]:
        groups = group_by_keys(objects)
        if len(groups) == 1:
            return self.take_group(next(iter(groups)), objects, rows, level)
        lost = [False] * len(rows)
        for shape, places in groups.items():
            part = [objects[place] for place in places]
            losses = self.take_group(shape, part, [rows[place] for place in places], level)
            for place, has_lost in zip(places, losses, strict=True):
                lost[place] = has_lost
        return lost

    def _read_texts(self, raws: list[Raw], rows: list[int]) -> list[str | None]:
        """The texts of values; the rows of those that are objects are odd."""
        joined = msgspec.json.encode(raws)
        if joined[1:2] in (b'"', b"n"):
            try:
                return _TEXTS.decode(joined)
            except msgspec.MsgspecError:
                pass
        if b'"' not in joined and b"{" not in joined and joined.find(b"[", 1) < 0:
            # Numbers and words, as they were written.
            texts: list[str | None] = list(joined[1:-1].decode().split(","))
            return [None if text == "null" else text for text in texts] if b"null" in joined else texts
        self.odd.update(row for row, raw in zip(rows, raws, strict=True) if is_object(raw))
        return [None if is_object(raw) else to_text(bytes(raw), self.depth) for raw in raws]


def _open(raws: list[Raw]) -> Objects | None:
    try:
        return _OBJECTS.decode(msgspec.json.encode(raws))
    except (msgspec.MsgspecError, RecursionError):
        return None


def put_texts(columns: Texts, key: str, rows: list[int], height: int, texts: list[str | None]) -> None:
    """Puts a key's texts at the places `rows` of its column, which has `height`."""
    if len(rows) == height:
        columns[key] = texts
        return
    column = columns.get(key)
    if column is None:
        column = columns[key] = [None] * height
    for row, text in zip(rows, texts, strict=True):
        column[row] = text

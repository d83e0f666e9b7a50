"""What stands around lines, as a table with a row for each that differs. Read once, whatever its members' order."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Raw

from pipeline.stages.envelope_context import limit_labels, merge_fields, read_part, to_columns
from pipeline.stages.envelope_fields import Leaf
from pipeline.stages.identity import to_file_origin

Fields: TypeAlias = dict[str, Leaf]

# In order of precedence, should two say the same.
PARTS = (
    "host", "agent", "log.file", "input", "fields", "tags", "event", "source_type", "stream", "container",
    "kubernetes", "cloud",
)  # fmt: skip

# A shipper's host and agent are the same for days, in the few orders that their members come in.
_KEPT_PARTS = 2048
_LONGEST_KEPT = 2048

# Fewer lines do not show whether most differ.
_FEWEST = 32


class Surroundings:
    """Collects what stands around the lines of a batch and tells alike from different. Codes are its own."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], dict[bytes, int]] = {}
        self._parts = {name: _Part(name) for name in PARTS}
        self._places: dict[tuple[tuple[str, ...], tuple[int, ...]], int] = {}
        self._samples: list[Fields] = []
        self._rests: dict[tuple[int, str, bytes], int] = {}
        self._merged: list[tuple[int, Fields]] = []
        self._is_varied = False

    def add_all(self, parts: Mapping[str, Sequence[Raw]], count: int) -> list[int]:
        """A code a line for its parts: `count` JSON texts by their names in `PARTS`, empty for none.

        Parts that say the same, in whatever order, have the same code.
        """
        names = tuple(name for name in PARTS if name in parts)
        if not names:
            return [self._place(names, ())] * count
        if self._is_varied:
            return self._add_parts(names, parts)
        known = self._known.setdefault(names, {})
        keys = list(map(b"\0".join, zip(*(parts[name] for name in names), strict=True)))
        if not known.keys() >= (distinct := set(keys)):
            # Filebeat's members come in an order that changes (that of Go's maps): then each part is looked at alone.
            self._is_varied = 2 * len(distinct) > len(keys) > _FEWEST
            known |= zip(keys, self._add_parts(names, parts), strict=True)
        return list(map(known.__getitem__, keys))

    def add_rest(self, code: int, rest: Mapping[str, Raw]) -> int:
        """A code for the parts of `code` with further members."""
        key = (code, "\0".join(rest), b"\0".join(rest.values()))
        place = self._rests.get(key)
        if place is None:
            place = self._rests[key] = len(self._merged)
            fields = self._samples[code]
            for name, raw in rest.items():
                fields = merge_fields(fields, _read(name, bytes(raw))[1])
            self._merged.append((code, fields))
        return -1 - place

    def build(self, codes: npt.NDArray[np.int64]) -> pl.DataFrame:
        """One row a code: `_origin` (null unless an agent or host, and a file is named) and the context's columns.

        The columns' order is that in which a walk along the codes meets them.
        """
        if len(codes) == 0:
            return pl.DataFrame(schema={"_origin": pl.String})
        merged, bases = codes[codes < 0], np.array([code for code, _ in self._merged], np.int64)
        met = codes.copy()
        met[codes < 0] = bases[-1 - merged]
        order = [*_in_order(met), *_in_order(merged)]
        contexts = [self._samples[code] if code >= 0 else self._merged[-1 - code][1] for code in order]
        limit_labels(contexts)
        origins = pl.Series("_origin", [_find_origin(context) for context in contexts], dtype=pl.String)
        table = pl.DataFrame([origins, *to_columns(contexts)])
        # A negative code counts from the end.
        places = np.zeros(len(self._samples) + len(self._merged), np.uint32)
        places[order] = np.arange(len(order))
        return table[pl.Series(places[codes])]

    def _add_parts(self, names: tuple[str, ...], parts: Mapping[str, Sequence[Raw]]) -> list[int]:
        said = list(zip(*(self._parts[name].read(parts[name]) for name in names), strict=True))
        codes = {each: self._place(names, each) for each in dict.fromkeys(said)}
        return list(map(codes.__getitem__, said))

    def _place(self, names: tuple[str, ...], said: tuple[int, ...]) -> int:
        present = [(name, number) for name, number in zip(names, said, strict=True) if number]
        key = (tuple(name for name, _ in present), tuple(number for _, number in present))
        place = self._places.setdefault(key, len(self._samples))
        if place == len(self._samples):
            fields: Fields = {}
            for name, number in present:
                fields = merge_fields(fields, self._parts[name].fields[number])
            self._samples.append(fields)
        return place


class _Part:
    """What one part said so far: `fields` by number; 0 is for nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: list[Fields] = [{}]
        self._numbers = {b"": 0}
        self._said: dict[str, int] = {}

    def read(self, column: Sequence[Raw]) -> list[int]:
        """The number of what each JSON text says."""
        texts = list(map(bytes, column))
        numbers = self._numbers
        if not numbers.keys() >= (distinct := dict.fromkeys(texts)).keys():
            for text in distinct:
                if text not in numbers:
                    said, fields = _read(self.name, text)
                    numbers[text] = self._said.setdefault(said, len(self.fields))
                    self.fields += [fields] if numbers[text] == len(self.fields) else []
        return list(map(numbers.__getitem__, texts))


def _in_order(codes: npt.NDArray[np.int64]) -> list[int]:
    """The different codes in the order in which they come."""
    different, first = np.unique(codes, return_index=True)
    return [int(code) for code in different[first.argsort()]]


def _read(name: str, text: bytes) -> tuple[str, Fields]:
    """A text that is the same for parts that say the same, and their fields, which are not to be changed."""
    return _read_kept(name, text) if len(text) <= _LONGEST_KEPT else _read_anew(name, text)


def _read_anew(name: str, raw: bytes) -> tuple[str, Fields]:
    fields = read_part(name, raw)
    return repr(sorted(fields.items())), fields


_read_kept = lru_cache(maxsize=_KEPT_PARTS)(_read_anew)


def _find_origin(context: Mapping[str, Leaf]) -> str | None:
    owner = context.get("agent.id") or context.get("host.name")
    path = context.get("log.file.path")
    if not owner or not path:
        return None
    device_and_inode = (context.get(f"log.file.{name}", "") for name in ("device_id", "inode"))
    identity = context.get("log.file.fingerprint") or ":".join(map(str, device_and_inode))
    return to_file_origin(str(owner), str(identity), str(path))

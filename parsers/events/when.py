"""Routes rows to rules by what is known before any pattern is tried: path, program, host, dataset."""

import fnmatch
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.model import Condition, When

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]

_WILD = re.compile(r"[*?\[]")


_FEW_VALUES: Final = 8
_NO_ROWS: IntArray = np.empty(0, dtype=np.int64)


class Router:
    """Answers which rows meet conditions; looks at each field's distinct values once, at each condition once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._fields: dict[str, _Field | None] = {}
        self._met: dict[tuple[str, tuple[str, ...]], IntArray] = {}

    def find_allowed(self, when: When) -> BoolArray | None:
        """Which rows meet all conditions of any alternative; None when there is none, so that all rows do.

        A missing or null field does not match.
        """
        if not when:
            return None
        allowed = np.zeros(self._frame.height, dtype=np.bool_)
        for every in when:
            allowed[self._find_rows(every)] = True
        return allowed

    def find_rows(self, when: When, untaken: BoolArray) -> IntArray:
        """The rows among `untaken` that meet `when`, ascending. Costs by the rows that meet it, not by all."""
        if not when:
            return np.flatnonzero(untaken)
        found = [rows for every in when if len(rows := self._find_rows(every))]
        if not found:
            return np.empty(0, dtype=np.int64)
        rows = found[0] if len(found) == 1 else np.unique(np.concatenate(found))
        return rows[untaken[rows]]

    def _find_rows(self, every: Sequence[Condition]) -> IntArray:
        """The rows that meet every condition, ascending."""
        rows: IntArray | None = None
        if len(every) > 1:
            # What is known of a field costs nothing; one such as the message, of which every value is another, much.
            every = sorted(every, key=lambda condition: condition.field not in self._fields)
        for condition in every:
            met = self._meet(condition)
            rows = met if rows is None else np.intersect1d(rows, met, assume_unique=True)
            if not len(rows):
                break
        return np.arange(self._frame.height) if rows is None else rows

    def _meet(self, condition: Condition) -> IntArray:
        key = (condition.field, condition.globs)
        met = self._met.get(key)
        if met is None:
            field = self._look_at(condition.field)
            met = self._met[key] = _NO_ROWS if field is None else field.find(condition.globs)
        return met

    def _look_at(self, name: str) -> "_Field | None":
        if name not in self._fields:
            self._fields[name] = _Field(self._frame[name]) if name in self._frame.columns else None
        return self._fields[name]


class _Field:
    """A column by its distinct values: which rows hold each."""

    def __init__(self, column: pl.Series) -> None:
        self._texts = column.cast(pl.String)
        self._values = frozenset(self._texts.unique().drop_nulls().to_list())
        self._rows: dict[str, IntArray] = {}

    def find(self, globs: Sequence[str]) -> IntArray:
        """The rows whose value matches one of the globs, ascending."""
        literal, wild = part_globs(globs)
        chosen = set(literal & self._values)
        if wild:
            matches = compile_globs(wild)
            chosen.update(filter(matches, self._values))
        if not chosen:
            return _NO_ROWS
        if len(chosen) == 1:
            return self._find_rows(next(iter(chosen)))
        return np.sort(np.concatenate([self._find_rows(value) for value in chosen]))

    def _find_rows(self, value: str) -> IntArray:
        if not self._rows and len(self._values) > _FEW_VALUES:
            self._rows = _part_rows(self._texts)
        if value not in self._rows:
            self._rows[value] = np.flatnonzero(self._texts.eq_missing(value).to_numpy())
        return self._rows[value]


def _part_rows(texts: pl.Series) -> dict[str, IntArray]:
    """The rows of every value. Costs as much as looking for some ten values one by one."""
    frame = texts.rename("value").to_frame().with_row_index("row").drop_nulls("value")
    found = frame.group_by("value", maintain_order=True).agg("row")
    rows = found["row"].explode().cast(pl.Int64).to_numpy()
    ends = found["row"].list.len().to_numpy().cumsum()
    return dict(zip(found["value"].to_list(), np.split(rows, ends[:-1]), strict=True))


@lru_cache(maxsize=8192)
def part_globs(globs: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The globs that are plain texts, and those with wildcards."""
    wild = tuple(glob for glob in globs if _WILD.search(glob))
    return frozenset(globs).difference(wild), wild


@lru_cache(maxsize=8192)
def compile_globs(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a text matches one of the globs as a whole; case counts."""
    matches = re.compile("|".join(fnmatch.translate(glob) for glob in globs)).match
    return lambda text: matches(text) is not None

"""Routes rows to rules by what is known before any pattern is tried: path, program, host, dataset."""

import fnmatch
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.model import Condition, When

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]

_WILD = re.compile(r"[*?\[]")


class Router:
    """Answers which rows meet conditions; looks at each field's distinct values once, at each condition once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._fields: dict[str, _Field | None] = {}
        self._met: dict[Condition, IntArray] = {}

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
        # What is known of a field costs nothing; a field such as the message, of which every value is another, much.
        for condition in sorted(every, key=lambda condition: condition.field not in self._fields):
            met = self._meet(condition)
            rows = met if rows is None else np.intersect1d(rows, met, assume_unique=True)
            if not len(rows):
                break
        return np.arange(self._frame.height) if rows is None else rows

    def _meet(self, condition: Condition) -> IntArray:
        if condition not in self._met:
            field = self._look_at(condition.field)
            self._met[condition] = np.empty(0, np.int64) if field is None else field.find(condition.globs)
        return self._met[condition]

    def _look_at(self, name: str) -> "_Field | None":
        if name not in self._fields:
            self._fields[name] = _Field(self._frame[name]) if name in self._frame.columns else None
        return self._fields[name]


class _Field:
    """A column by its distinct values: which rows hold each."""

    def __init__(self, column: pl.Series) -> None:
        texts = column.cast(pl.String).rename("value").to_frame().with_row_index("row").drop_nulls("value")
        found = texts.group_by("value", maintain_order=True).agg("row")
        rows = found["row"].explode().cast(pl.Int64).to_numpy()
        ends = found["row"].list.len().to_numpy().cumsum()
        self._rows: dict[str, IntArray] = dict(
            zip(found["value"].to_list(), np.split(rows, ends[:-1]), strict=True) if found.height else ()
        )

    def find(self, globs: Sequence[str]) -> IntArray:
        """The rows whose value matches one of the globs, ascending."""
        literal = [glob for glob in globs if not _WILD.search(glob)]
        chosen = {glob for glob in literal if glob in self._rows}
        if len(literal) < len(globs):
            matches = compile_globs(tuple(glob for glob in globs if glob not in literal))
            chosen.update(value for value in self._rows if matches(value))
        if not chosen:
            return np.empty(0, dtype=np.int64)
        if len(chosen) == 1:
            return self._rows[chosen.pop()]
        return np.sort(np.concatenate([self._rows[value] for value in chosen]))


@lru_cache(maxsize=8192)
def compile_globs(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a text matches one of the globs as a whole; case counts."""
    matches = re.compile("|".join(fnmatch.translate(glob) for glob in globs)).match
    return lambda text: matches(text) is not None

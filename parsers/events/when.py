"""Routes rows to rules by what is known before any pattern is tried: path, program, host, dataset."""

import fnmatch
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.model import Condition


class Router:
    """Answers which rows meet conditions; looks at each field's distinct values once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._known: dict[str, tuple[npt.NDArray[np.uint32], list[str | None]]] = {}

    def find_allowed(self, conditions: Sequence[Condition]) -> npt.NDArray[np.bool_] | None:
        """Which rows meet all conditions; None when there is none. A missing or null field does not match."""
        if not conditions:
            return None
        allowed = np.ones(self._frame.height, dtype=np.bool_)
        for condition in conditions:
            if condition.field not in self._frame.columns:
                return np.zeros(self._frame.height, dtype=np.bool_)
            codes, values = self._look_at(condition.field)
            matches = re.compile("|".join(fnmatch.translate(glob) for glob in condition.globs)).match
            good = np.array(
                [value is not None and matches(value) is not None for value in values], dtype=np.bool_
            )
            allowed &= good[codes]
        return allowed

    def _look_at(self, field: str) -> tuple[npt.NDArray[np.uint32], list[str | None]]:
        if field not in self._known:
            texts = self._frame[field].cast(pl.String)
            values = texts.unique(maintain_order=True)
            places = pl.DataFrame({"value": values}).with_row_index("code")
            codes = texts.to_frame("value").join(
                places, on="value", how="left", nulls_equal=True, maintain_order="left"
            )
            self._known[field] = (codes["code"].to_numpy(), values.to_list())
        return self._known[field]

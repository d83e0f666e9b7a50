"""What a reader of structured bodies gives back, whatever the format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import polars as pl

from parsers.model import Body

# Holds, as one JSON text, the members that went beyond a rule's `max_fields`.
BEYOND = "_beyond"


@dataclass(frozen=True, slots=True)
class Bodies:
    """n texts, read.

    `matched`: Boolean, which of them are such a body; nothing else holds a value where it is false.
    `values`: a String column for each wanted key that some text has, null where the others lack it.
    `objects`: for wanted keys whose value is an object in some text: its JSON text, null elsewhere.
    `fields`: columns whose name is already that of a field: what stands in the format's own header.
    `rest`: by the name of the object they belong to (empty: the rule's prefix), all other members as the text
    of a JSON object, null where nothing is left.
    """

    matched: pl.Series
    values: Mapping[str, pl.Series]
    rest: Mapping[str, pl.Series]
    objects: Mapping[str, pl.Series] = field(default_factory=dict)
    fields: Mapping[str, pl.Series] = field(default_factory=dict)


# So many texts are read at once: what is made of more would not stay near the processor.
PART = 1_024


def read_in_parts(texts: pl.Series, read: Callable[[list[str | None]], Bodies]) -> Bodies:
    """What `read` makes of all texts, given some at a time. It gives no `fields`."""
    if len(texts) <= PART:
        return read(texts.to_list())
    parts = [read(texts.slice(start, PART).to_list()) for start in range(0, len(texts), PART)]
    return Bodies(
        pl.concat([part.matched for part in parts], rechunk=True),
        _join([part.values for part in parts], parts),
        _join([part.rest for part in parts], parts),
        _join([part.objects for part in parts], parts),
    )


def to_columns(columns: Mapping[str, Sequence[str | None]]) -> dict[str, pl.Series]:
    """String columns."""
    return {key: pl.Series(key, values, dtype=pl.String) for key, values in columns.items()}


def _join(columns: Sequence[Mapping[str, pl.Series]], parts: Sequence[Bodies]) -> dict[str, pl.Series]:
    """Each key's columns in one, nulls where a part lacks it."""
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, PART)
    return {
        key: pl.concat(
            [
                part[key] if key in part else nothing[: len(bodies.matched)].alias(key)
                for part, bodies in zip(columns, parts, strict=True)
            ],
            rechunk=True,
        )
        for key in dict.fromkeys(key for part in columns for key in part)
    }


# Texts, the keys that are wanted as columns (and whether as objects too), and the rule's options.
BodyReader: TypeAlias = Callable[[pl.Series, Mapping[str, bool], Body], Bodies]

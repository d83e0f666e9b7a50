"""What a reader of structured bodies gives back, whatever the format."""

from collections.abc import Callable, Mapping
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


# Texts, the keys that are wanted as columns (and whether as objects too), and the rule's options.
BodyReader: TypeAlias = Callable[[pl.Series, Mapping[str, bool], Body], Bodies]

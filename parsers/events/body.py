"""Structured bodies as a rule's pattern: JSON objects and logfmt lines, with the keys a rule renames."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

from parsers.events.structured import read_json_bodies, read_logfmt_bodies
from parsers.model import BodyFormat, Rule
from parsers.patterns.extract import Extracted

BodyReader: TypeAlias = Callable[
    [pl.Series, Sequence[str]], tuple[pl.Series, dict[str, pl.Series], pl.Series]
]

# What may be such a body, in Hyperscan's words; the readers decide.
BODY_PATTERNS: Mapping[BodyFormat, str] = MappingProxyType(
    {
        "json": r"^[ \t]*\{[^\n]*\}[ \t]*$",
        "logfmt": r"^[A-Za-z_@][A-Za-z0-9_.@/-]*=[^\n]*$",
    }
)

_READERS: Mapping[BodyFormat, BodyReader] = MappingProxyType(
    {"json": read_json_bodies, "logfmt": read_logfmt_bodies}
)


@dataclass(frozen=True, slots=True)
class BodyExtractor:
    """Reads bodies of one format; `keys` come out under their new names, the first that is there wins."""

    format: BodyFormat
    keys: tuple[tuple[str, str], ...]

    @property
    def blankable(self) -> frozenset[str]:
        """Any key may hold nothing."""
        return frozenset(name for _, name in self.keys)

    def extract(self, texts: pl.Series) -> Extracted:
        """`columns` holds the renamed keys and, under the format's name, the other keys as JSON text."""
        matched, values, rest = _READERS[self.format](texts, [key for key, _ in self.keys])
        columns: dict[str, pl.Series] = {}
        for key, name in self.keys:
            column = values.get(key)
            if column is None:
                continue
            earlier = columns.get(name)
            columns[name] = column if earlier is None else earlier.zip_with(earlier.is_not_null(), column)
        frame = pl.DataFrame({**columns, self.format: rest})
        kept = [name for name in frame.columns if frame[name].null_count() < frame.height]
        return Extracted(None if matched.all() else matched, None, frame.select(kept))


def build_body_extractor(rule: Rule) -> BodyExtractor:
    """The extractor of a rule with a `format`; keys that its time and maps read are taken out as well."""
    assert rule.format is not None
    keys = list(rule.rename.items())
    known = {name for _, name in keys}
    extra = [item.source for item in rule.map]
    if rule.timestamp is not None:
        extra.append(rule.timestamp.field)
    keys.extend((name, name) for name in dict.fromkeys(extra) if name not in known)
    return BodyExtractor(rule.format, tuple(keys))

"""What compiling rules can take instead of making it: from the rule set before, and from a store on disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from parsers.patterns.choose import Chooser, Scannable, build_chooser
from parsers.patterns.extract import PatternExtractor, to_extractor
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.kept import KeptParts, load_parts, make_part_key, save_parts
from parsers.patterns.parts import PatternParts, read_parts
from parsers.patterns.shards import DatabaseStore, Shard, index_shards


@dataclass(frozen=True, slots=True)
class ReadyPattern:
    """A pattern that was read: as a scan sees it, and what takes its captures."""

    parts: PatternParts
    extractor: PatternExtractor
    scannable: Scannable


# By the pattern as written, and the fragments of its rule.
PatternKey: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
ReadyPatterns: TypeAlias = Mapping[PatternKey, ReadyPattern]


def make_pattern_key(text: str, fragments: Mapping[str, str]) -> PatternKey:
    """What a pattern with the fragments of its rule is known by."""
    return text, tuple(sorted(fragments.items()))


class Stock:
    """Everything that one compilation reads and builds, each thing once. `patterns` and `shards` are what it used."""

    def __init__(
        self,
        patterns: ReadyPatterns | None = None,
        shards: Iterable[Shard] = (),
        store: DatabaseStore | None = None,
    ) -> None:
        self._known = patterns or {}
        self._index = dict(index_shards(shards))
        self._store = store
        self.patterns: dict[PatternKey, ReadyPattern] = {}
        self.shards: dict[Shard, None] = {}

    @cached_property
    def _kept(self) -> KeptParts:
        return KeptParts("") if self._store is None else load_parts(self._store)

    def read_pattern(self, text: str, fragments: Mapping[str, str]) -> ReadyPattern:
        """A pattern as written, with the fragments of its own rule; the shipped ones are added.

        Raises:
            PatternError: the pattern cannot be read.
            ValueError: no engine takes it.
        """
        key = make_pattern_key(text, fragments)
        found = self.patterns.get(key) or self._known.get(key)
        if found is None:
            parts = self._kept.parts.get(make_part_key(*key)) if self._store is not None else None
            parts = parts or read_parts(text, {**FRAGMENTS, **fragments})
            scannable = Scannable(
                parts.scan, parts.starts, parts.is_exact, parts.is_always, parts.linear, parts.narrowed
            )
            found = ReadyPattern(parts, to_extractor(parts), scannable)
        self.patterns[key] = found
        return found

    def keep(self) -> None:
        """Puts what was read into the store."""
        if self._store is not None:
            used = {make_part_key(*key): found.parts for key, found in self.patterns.items()}
            save_parts(self._store, self._kept, used)

    def build_chooser(self, patterns: Sequence[Scannable]) -> Chooser:
        """A chooser of patterns in trying order, with databases that are there already where there are such."""
        chooser = build_chooser(patterns, self._index, self._store)
        for placed in chooser.shards:
            if placed.shard not in self.shards:
                self.shards[placed.shard] = None
                # A stage of the same rules behind another parent gets the same database.
                for expression in placed.shard.expressions:
                    self._index[expression] = (*self._index.get(expression, ()), placed.shard)
        return chooser

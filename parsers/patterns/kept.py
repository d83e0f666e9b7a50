"""Keeps what was read of patterns between processes: reading one costs near a millisecond, and rules hold hundreds."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec

from parsers.patterns.parts import PatternParts
from parsers.patterns.shards import DatabaseStore

# The patterns of several directories, before and after edits; the ones used last are kept.
KEPT_PATTERNS = 20_000


@dataclass(frozen=True, slots=True)
class KeptParts:
    """Parts by a hash of their pattern and its fragments. `key` is where they are in the store."""

    key: str
    parts: Mapping[str, PatternParts] = field(default_factory=dict)


def make_part_key(text: str, fragments: Iterable[tuple[str, str]]) -> str:
    """A hash of a pattern as written and of its rule's own fragments."""
    return hashlib.blake2b(repr((text, sorted(fragments))).encode(), digest_size=12).hexdigest()


def load_parts(store: DatabaseStore) -> KeptParts:
    """What an earlier process kept, if the code that reads patterns is the same; empty where there is nothing."""
    digest = hashlib.blake2b(digest_size=20)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    key = f"parts {digest.hexdigest()}"
    data = store.load(key)
    if data is None:
        return KeptParts(key)
    try:
        return KeptParts(key, msgspec.msgpack.decode(data, type=dict[str, PatternParts]))
    except msgspec.DecodeError:
        return KeptParts(key)


def save_parts(store: DatabaseStore, kept: KeptParts, used: Mapping[str, PatternParts]) -> None:
    """Keeps `used` and, as far as there is room, what was kept before; does nothing if all of `used` was."""
    if used.keys() <= kept.parts.keys():
        return
    merged = {**used, **{key: parts for key, parts in kept.parts.items() if key not in used}}
    store.save(kept.key, msgspec.msgpack.encode(dict(islice(merged.items(), KEPT_PATTERNS))))

"""Hyperscan databases in pieces: a later rule set takes over the pieces whose patterns it still has.

A pattern costs some 4 ms to compile, and a database cannot be changed. So patterns are compiled in shards: what an
edit leaves alone is not compiled again, and a shard can be read back from a store in less than a millisecond.
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

import hyperscan
import numpy as np
import numpy.typing as npt

# Every shard reads all lines again, so a shard is large; a smaller one is compiled faster after an edit.
SHARD_SIZE = 256
# A shard of which less than this part is still wanted costs a scan more than compiling the rest anew is worth.
WANTED_PART = 0.75
# A piece that an edit left behind is compiled together with the next edit's, so that pieces do not gather.
MERGED_SIZE = 32
_FLAGS = hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_ALLOWEMPTY

IntArray = npt.NDArray[np.int64]


class DatabaseStore(Protocol):
    """Keeps bytes under a key, between processes. It may forget, and never raises."""

    def load(self, key: str) -> bytes | None:
        """What was saved under the key on a machine like this one, or None."""
        ...

    def save(self, key: str, data: bytes) -> None:
        """Keeps `data`, or does not."""
        ...


class Shard:
    """Expressions that are compiled together, when they are first needed; safe to use from several threads."""

    def __init__(self, expressions: Sequence[str], store: DatabaseStore | None = None) -> None:
        self.expressions = tuple(expressions)
        self._store = store
        self._lock = threading.Lock()
        self._local = threading.local()
        self._databases: list[hyperscan.Database] | None = None
        self._refused: frozenset[int] = frozenset()

    @property
    def is_built(self) -> bool:
        """Whether its databases are there already."""
        return self._databases is not None

    @property
    def refused(self) -> frozenset[int]:
        """The places of expressions that Hyperscan does not take (too large, a class it lacks); builds the shard."""
        self.build()
        return self._refused

    def build(self) -> None:
        """Compiles the expressions or reads them from the store, unless that was done before."""
        with self._lock:
            if self._databases is not None:
                return
            key = self._make_key()
            databases = self._read(key)
            if databases is None:
                databases, refused = _compile_taken(self.expressions)
                self._refused = frozenset(refused)
                if self._store is not None and len(databases) == 1 and not refused:
                    self._store.save(key, hyperscan.dumpb(databases[0]))
            self._databases = databases

    def scan(self, buffer: bytes) -> tuple[IntArray, IntArray]:
        """Places of the expressions that matched, and the offsets at which each match ends; in no order."""
        self.build()
        assert self._databases is not None
        places: list[int] = []
        ends: list[int] = []
        add_place, add_end = places.append, ends.append

        def on_match(place: int, start: int, end: int, flags: int, context: object) -> None:
            add_place(place)
            add_end(end)

        for database, scratch in zip(self._databases, self._find_scratches(), strict=True):
            database.scan(buffer, match_event_handler=on_match, scratch=scratch)
        return np.array(places, dtype=np.int64), np.array(ends, dtype=np.int64)

    def _find_scratches(self) -> list[hyperscan.Scratch]:
        # Two scans may not share a scratch space, and batches are parsed in several threads.
        scratches: list[hyperscan.Scratch] | None = getattr(self._local, "scratches", None)
        if scratches is None:
            scratches = self._local.scratches = [hyperscan.Scratch(found) for found in self._databases or ()]
        return scratches

    def _make_key(self) -> str:
        # Another release of Hyperscan may not read these bytes, or not make the same of an expression.
        made_by = f"{getattr(hyperscan, '__version__', '')} {_FLAGS}\n"
        digest = hashlib.blake2b(made_by.encode(), digest_size=20)
        for expression in self.expressions:
            digest.update(expression.encode() + b"\n")
        return digest.hexdigest()

    def _read(self, key: str) -> list[hyperscan.Database] | None:
        data = None if self._store is None else self._store.load(key)
        if data is None:
            return None
        try:
            return [hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)]
        except hyperscan.HyperscanError:
            # Another version's or another machine's: compiled anew, and the store gets this one.
            return None


ShardIndex: TypeAlias = Mapping[str, Sequence[Shard]]


def index_shards(shards: Iterable[Shard]) -> ShardIndex:
    """The shards by the expressions that they hold."""
    found: dict[str, list[Shard]] = {}
    for shard in dict.fromkeys(shards):
        for expression in shard.expressions:
            found.setdefault(expression, []).append(shard)
    return found


def plan_shards(
    expressions: Iterable[str], earlier: ShardIndex | None = None, store: DatabaseStore | None = None
) -> tuple[Shard, ...]:
    """Shards that together hold every expression, taken over from `earlier` where those hold mostly wanted ones.

    A shard may hold expressions that are not asked for. New shards are cut by what they hold, so that a process that
    starts after an edit finds most of them in the store.
    """
    left = dict.fromkeys(expressions)
    taken: list[Shard] = []
    known = earlier or {}
    candidates = dict.fromkeys(shard for expression in left for shard in known.get(expression, ()))
    for shard in sorted(candidates, key=lambda shard: -len(shard.expressions)):
        wanted = sum(expression in left for expression in shard.expressions)
        if not wanted or wanted < WANTED_PART * len(shard.expressions):
            continue
        if wanted < MERGED_SIZE and wanted < len(left):
            continue
        taken.append(shard)
        for expression in shard.expressions:
            left.pop(expression, None)
    return (*taken, *(Shard(piece, store) for piece in _cut(list(left))))


def _cut(expressions: Sequence[str]) -> list[list[str]]:
    """Pieces that end after certain expressions, so that one more or less moves no other piece's bounds."""
    pieces: list[list[str]] = []
    current: list[str] = []
    for expression in expressions:
        current.append(expression)
        mark = hashlib.blake2b(expression.encode(), digest_size=4).digest()
        is_bound = int.from_bytes(mark) % (SHARD_SIZE // 2) == 0
        if len(current) >= SHARD_SIZE or (is_bound and len(current) >= SHARD_SIZE // 4):
            pieces.append(current)
            current = []
    if current:
        pieces.append(current)
    return pieces


def _compile_taken(expressions: Sequence[str]) -> tuple[list[hyperscan.Database], list[int]]:
    """Databases that hold all expressions that Hyperscan takes (one, as a rule), and the places of the others."""
    places = list(range(len(expressions)))
    if not places:
        return [], []
    try:
        return [_compile(expressions, places)], []
    except hyperscan.error:
        # One bad expression fails all, and Hyperscan does not say which.
        good = [place for place in places if _is_taken(expressions, place)]
    return _compile_halves(expressions, good), sorted(set(places) - set(good))


def _compile_halves(expressions: Sequence[str], places: Sequence[int]) -> list[hyperscan.Database]:
    if not places:
        return []
    try:
        return [_compile(expressions, places)]
    except hyperscan.error:
        if len(places) == 1:
            raise
        half = len(places) // 2
        return [*_compile_halves(expressions, places[:half]), *_compile_halves(expressions, places[half:])]


def _compile(expressions: Sequence[str], places: Sequence[int]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expressions[place].encode() for place in places],
        ids=list(places),
        elements=len(places),
        flags=[_FLAGS] * len(places),
    )
    return database


def _is_taken(expressions: Sequence[str], place: int) -> bool:
    try:
        _compile(expressions, [place])
    except hyperscan.error:
        return False
    return True

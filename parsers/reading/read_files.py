"""The files of a rules directory as they were read: what an edit left alone is not read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from parsers.errors import Problem
from parsers.model import Enrichment, Location, Lookup
from parsers.reading.read_enrich import read_enrichment
from parsers.reading.read_rule import ReadRule, read_rule
from parsers.reading.read_table import attach_table, digest_table
from parsers.reading.yaml_nodes import Node, parse_nodes, read_data

Found = TypeVar("Found")
TableDigests: TypeAlias = dict[Path, str | None]
"""Digests of tables as they are now, noted at the first look: a table that many rules name is read once for all."""


@dataclass(frozen=True, slots=True)
class ReadFile(Generic[Found]):
    """What a file gave, and what that came from: its own bytes, and the lookup tables that it names.

    `is_complete`: every document in it could be read. `digest` is None where the file has to be read again whatever
    it holds; `tables` gives the digest of each table, None for one that could not be read.
    """

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]
    is_complete: bool
    digest: bytes | None = None
    tables: Mapping[Path, str | None] | None = None

    def holds(self, digest: bytes, now: TableDigests) -> bool:
        """Whether reading the file again, of which the bytes now have this digest, would give the same."""
        if self.digest != digest:
            return False
        for path, before in (self.tables or {}).items():
            if path not in now:
                now[path] = digest_table(path)
            if before is None or now[path] != before:
                return False
        return True


@dataclass(frozen=True, slots=True)
class ReadDirectory:
    """A rules directory as it was read: its files by path, in the order of reading."""

    directory: Path = Path()
    rules: Mapping[Path, ReadFile[ReadRule]] = field(default_factory=dict)
    enrichments: Mapping[Path, ReadFile[Enrichment]] = field(default_factory=dict)

    @property
    def reads(self) -> list[ReadRule]:
        """All rules that could be read, by file."""
        return [read for file in self.rules.values() for read in file.found]

    @property
    def found_enrichments(self) -> tuple[Enrichment, ...]:
        """All enrichments that could be read, by file."""
        return tuple(read for file in self.enrichments.values() for read in file.found)


NOTHING_READ = ReadDirectory()


def read_rule_file(
    path: Path, directory: Path, known: ReadFile[ReadRule] | None, tables: TableDigests
) -> ReadFile[ReadRule]:
    """The rules of a file, with their tables; `known` is given back if it still holds.

    Args:
        path: the file.
        directory: what the paths of lookup tables are relative to.
        known: the same file, read earlier below the same directory.
        tables: see `TableDigests`; one for all files of a directory.
    """
    opened = _open_file(path, known, tables)
    if isinstance(opened, ReadFile):
        return opened
    digest, nodes, wrong = opened
    problems = list(wrong)
    if not nodes and not wrong:
        problems.append(Problem(Location(str(path)), "the file holds no rule", "remove it, or write one"))
    here = [read for node in nodes if (read := read_rule(node, problems)) is not None]
    reads = tuple(attach_tables(read, directory, problems) for read in here)
    lookups = [lookup for read in reads for lookup in read.rule.lookup]
    is_complete = len(here) == len(nodes) and not wrong
    return ReadFile(reads, tuple(problems), is_complete, digest, _list_tables(lookups, directory))


def read_enrichment_file(
    path: Path, directory: Path, known: ReadFile[Enrichment] | None, tables: TableDigests
) -> ReadFile[Enrichment]:
    """The enrichment in a file, as `read_rule_file` reads rules. One that names a database is read every time."""
    opened = _open_file(path, known, tables)
    if isinstance(opened, ReadFile):
        return opened
    digest, nodes, wrong = opened
    problems = list(wrong)
    if len(nodes) != 1 and not wrong:
        what = "the file holds no enrichment" if not nodes else "the file holds more than one enrichment"
        problems.append(Problem(Location(str(path)), what, "write one document a file"))
    read = read_enrichment(nodes[0], directory, problems) if nodes else None
    if read is None or read.database is not None:
        return ReadFile(() if read is None else (read,), tuple(problems), is_complete=read is not None)
    lookups = () if read.lookup is None else (read.lookup,)
    return ReadFile((read,), tuple(problems), True, digest, _list_tables(lookups, directory))


def _open_file(
    path: Path, known: ReadFile[Found] | None, tables: TableDigests
) -> ReadFile[Found] | tuple[bytes, tuple[Node, ...], tuple[Problem, ...]]:
    """The digest of a file, its documents and what is wrong with them; what is to be given back if none is needed."""
    data = read_data(path)
    if isinstance(data, Problem):
        return ReadFile((), (data,), is_complete=False)
    digest = blake2b(data, digest_size=16).digest()
    if known is not None and known.holds(digest, tables):
        return known
    return (digest, *parse_nodes(data, str(path)))


def attach_tables(read: ReadRule, directory: Path, problems: list[Problem]) -> ReadRule:
    """The rule with the tables of its lookups, which lie relative to `directory`; unsound where one is not usable."""
    if not read.rule.lookup:
        return read
    before = len(problems)
    lookups = tuple(attach_table(lookup, directory, problems) for lookup in read.rule.lookup)
    rule = replace(read.rule, lookup=lookups)
    return replace(read, rule=rule, is_sound=read.is_sound and len(problems) == before)


def _list_tables(lookups: Sequence[Lookup], directory: Path) -> dict[Path, str | None]:
    digests: dict[Path, str | None] = {}
    for lookup in lookups:
        path, digest = directory / lookup.path, lookup.table.digest if lookup.table else None
        # A table that was written between two readings of it is not to be known by either.
        digests[path] = digest if digests.get(path, digest) == digest else None
    return digests

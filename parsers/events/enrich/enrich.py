"""Adds fields to a block of events, column by column: the rule's own lookups, then the directory's enrichments."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from parsers.chains import list_chain
from parsers.errors import Problem, RuleError
from parsers.events.enrich.fill import fill_fields
from parsers.events.enrich.geoip import Database, describe_database, locate, open_geoip
from parsers.events.enrich.lookup import TableLookup, build_table_lookup, describe_lookup, look_up
from parsers.events.enrich.related import relate
from parsers.events.when import Router
from parsers.frames import Block
from parsers.model import Enrichment, Lookup, Rule, When

Add: TypeAlias = Callable[[pl.DataFrame], list[pl.Series]]


@dataclass(frozen=True, slots=True)
class Enricher:
    """What adds fields: to blocks of a rule (by its name), and to all blocks where the conditions hold."""

    own: Mapping[str, tuple[Add, ...]]
    common: tuple[tuple[When, Add], ...]

    def enrich_block(self, block: Block) -> Block:
        """See `enrich`."""
        return Block(block.rule, block.dataset, self.enrich(block.rule, block.frame))

    def enrich(self, rule: str | None, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with what is known of its events beside their lines; a field that an event has stays."""
        for add in self.own.get(rule or "", ()):
            frame = fill_fields(frame, add(frame))
        for when, add in self.common:
            allowed = Router(frame).find_allowed(when) if when else None
            if allowed is None or allowed.any():
                frame = fill_fields(frame, add(frame), allowed)
        return frame


def build_enricher(rules: Sequence[Rule], enrichments: Sequence[Enrichment] = ()) -> Enricher | None:
    """Readies tables and databases; None when there is nothing to add.

    A rule's lookups hold for the events of the rules after it as well. `related` runs last, since the others may
    give it something.

    Raises:
        RuleError: a table that was not read, a database that cannot be opened.
    """
    problems: list[Problem] = []
    by_name = {rule.name: rule for rule in rules}
    built: dict[int, Add] = {}

    def build(lookup: Lookup) -> Add | None:
        if id(lookup) not in built:
            try:
                table = build_table_lookup(lookup)
            except ValueError as error:
                problems.append(Problem(lookup.location, str(error)))
                return None
            built[id(lookup)] = _to_lookup(table)
        return built[id(lookup)]

    own: dict[str, tuple[Add, ...]] = {}
    for rule in rules:
        found = [build(lookup) for name in list_chain(rule, by_name) for lookup in by_name[name].lookup]
        if found:
            own[rule.name] = tuple(add for add in found if add is not None)
    common: list[tuple[When, Add]] = []
    for item in sorted(enrichments, key=lambda item: item.kind == "related"):
        if item.lookup is not None:
            add = build(item.lookup)
            if add is not None:
                common.append((item.when, add))
        elif item.database is not None:
            try:
                common.append((item.when, _to_geoip(open_geoip(item.database), item.sources)))
            except (OSError, ValueError) as error:
                problems.append(Problem(item.location, f"cannot use the database '{item.database}': {error}"))
        else:
            common.append((item.when, relate))
    if problems:
        raise RuleError(problems)
    return Enricher(own, tuple(common)) if own or common else None


def hash_enrichments(enrichments: Sequence[Enrichment]) -> str:
    """Twelve hex digits that change when an enrichment, a table or a database does; empty when there are none."""
    if not enrichments:
        return ""
    found = hashlib.blake2b(digest_size=6)
    for item in enrichments:
        lookup = item.lookup and describe_lookup(item.lookup)
        database = item.database and describe_database(item.database)[1]
        when = [[(condition.field, condition.globs) for condition in every] for every in item.when]
        found.update(repr((item.name, item.kind, when, lookup, database, item.sources)).encode())
    return found.hexdigest()


def _to_lookup(table: TableLookup) -> Add:
    return lambda frame: look_up(table, frame)


def _to_geoip(database: Database, sources: Sequence[str]) -> Add:
    return lambda frame: [column for source in sources for column in locate(database, source, frame)]

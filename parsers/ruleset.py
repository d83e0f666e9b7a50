"""The parse core: a batch of lines in, one frame a rule out. Start reading at `RuleSet.parse`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.chains import list_chain
from parsers.events.budget import Budget, add_up, open_budget
from parsers.events.columns import to_places
from parsers.events.compile import CompiledRule, CompiledRules, Stage, compile_rules
from parsers.events.enrich.enrich import Enricher, build_enricher, hash_enrichments
from parsers.events.finish import finish_parsed, finish_unparsed
from parsers.events.masks.mask import Masker, build_masker
from parsers.events.match import RuleMatch, choose_rules, mark_late, match_stage, part_rows
from parsers.events.next_line import add_next_line, take_next_line
from parsers.events.prepare import HEAD, LATE, NEXT_LINE, REST, drop_scratch, prepare_lines
from parsers.events.refine import merge_captures, refine_captures
from parsers.frames import Block, ParsedBatch
from parsers.model import NO_INSTALLATION, Enrichment, Installation, Rule
from parsers.patterns.shards import DatabaseStore
from parsers.reading.read_files import NOTHING_READ, ReadDirectory

EXPERIMENTAL: Final = "experimental"
IntArray = npt.NDArray[np.int64]
Observe: TypeAlias = Callable[[Stage, RuleMatch, pl.DataFrame, pl.Series], None]
"""Hears of every rule that took rows of a stage: the stage, the match, and all the stage's rows and texts."""


@dataclass(frozen=True, slots=True, repr=False)
class RuleSet:
    """Compiled rules. Immutable, and safe to use from several threads.

    `default_timezone` reads times for which neither the line, the rule nor the record names a zone. `experimental`
    holds the rules of that status (and those they read on from), which are tried on the side and write nothing.
    The zones of `installation` go before the default; `enricher` adds fields, `masker` takes values out. `source` is
    what the rules were read from, so that a later rule set need not read again what is still the same.
    """

    compiled: CompiledRules
    default_timezone: str = "UTC"
    experimental: "RuleSet | None" = None
    installation: Installation = NO_INSTALLATION
    enricher: Enricher | None = None
    masker: Masker | None = None
    enrichments_hash: str = ""
    quarantined: frozenset[str] = frozenset()
    source: ReadDirectory = field(default=NOTHING_READ, compare=False)

    def __repr__(self) -> str:
        return f"RuleSet({len(self.compiled.rules)} rules, {self.hash})"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order they are tried."""
        return tuple(compiled.rule for compiled in self.compiled.rules)

    @property
    def _stopped(self) -> frozenset[int]:
        if not self.quarantined:
            return frozenset()
        return frozenset(at for at, rule in enumerate(self.rules) if rule.name in self.quarantined)

    @property
    def hash(self) -> str:
        """Twelve hex digits that change when any rule, table or enrichment changes."""
        tried = self.experimental.compiled.hash if self.experimental is not None else ""
        parts = [part for part in (self.compiled.hash, tried, self.enrichments_hash) if part]
        return parts[0] if len(parts) == 1 else blake2b(" ".join(parts).encode(), digest_size=6).hexdigest()

    def parse(self, lines: pl.DataFrame, observe: Observe | None = None) -> ParsedBatch:
        """Parses a batch.

        Args:
            lines: a line frame, one row an event: `event.original` (String, no nulls), optionally `_time`
            (Int64,
                the record's own time in epoch milliseconds), `_id`, and flat ECS columns of what the record
                knows.
            observe: hears of every match, for explanations and coverage.

        Returns:
            One block for each rule that took rows and one for the rows that none took. A text that no rule
            knows is an event too (tag `_unparsed`), so every row comes out once. Nothing raises for what a
            line holds.
        """
        if not lines.height:
            return ParsedBatch((), 0)
        budgets: list[Budget] = []

        def parse_part(part: pl.DataFrame) -> Iterator[Block]:
            budgets.append(open_budget(part.height))
            return self._parse_root(prepare_lines(part), observe, budgets[-1])

        blocks = parse_part(lines) if self.masker is None else self.masker.parse(lines, parse_part)
        if self.enricher is not None:
            blocks = map(self.enricher.enrich_block, blocks)
        done = tuple(blocks)
        timeouts, seconds = add_up(budgets, self.compiled.rules)
        return ParsedBatch(done, lines.height, timeouts, seconds)

    def without(self, names: Iterable[str]) -> "RuleSet":
        """The same rule set, in which the rules of these names take no line; what is theirs is tagged `_timeout`.

        Lines that such a rule may match go to the rules tried after it, or stay unparsed. Names of no rule are kept:
        a rule of that name would be stopped. `hash` stays the same. `without(())` lets all rules work again.
        """
        return replace(self, quarantined=frozenset(names))

    def warm_up(self) -> None:
        """Compiles now what is else compiled at its first use, so that no batch has to wait for it."""
        for shard in self.compiled.shards:
            shard.build()
        if self.experimental is not None:
            self.experimental.warm_up()

    def choose_lines(self, texts: pl.Series, context: pl.DataFrame | None = None) -> IntArray:
        """The index into `rules` of the rule that takes each line (the chain's first), -1 where none does."""
        lines = pl.DataFrame({"event.original": texts}) if context is None else context
        prepared = prepare_lines(lines.with_columns(texts.alias("event.original")))
        return choose_rules(self.compiled.root, prepared, prepared[HEAD])

    def _parse_root(self, frame: pl.DataFrame, observe: Observe | None, budget: Budget) -> Iterator[Block]:
        matches = match_stage(self.compiled.root, frame, frame[HEAD], budget, self._stopped)
        frame = mark_late(frame, matches.timed_out)
        for taken, rows in part_rows(frame, matches.taken):
            if observe is not None:
                observe(self.compiled.root, taken, frame, frame[HEAD])
            chain = (self.compiled.rules[taken.rule],)
            yield from self._parse_rule(rows, taken.captures, chain, observe, budget)
        if len(matches.unmatched):
            rest = frame[matches.unmatched]
            late = rest[LATE] if LATE in rest.columns else pl.repeat(False, rest.height, eager=True)
            finished = finish_unparsed(rest, late, self.default_timezone)
            yield Block(None, "generic", drop_scratch(finished))

    def _parse_rule(
        self,
        rows: pl.DataFrame,
        captures: pl.DataFrame,
        chain: tuple[CompiledRule, ...],
        observe: Observe | None,
        budget: Budget,
    ) -> Iterator[Block]:
        """Refines what the last rule of the chain captured, then lets the rules after it read on."""
        compiled = chain[-1]
        refined = refine_captures(
            captures, rows, compiled, self.default_timezone, self.installation.timezones
        )
        frame = merge_captures(rows, refined)
        if compiled.rule.format is not None and REST in frame.columns:
            # Lines that were part of the body are taken out with an empty text.
            frame = frame.with_columns(pl.col(REST).replace("", None))
        for stage in compiled.stages:
            if stage.field == NEXT_LINE:
                frame = add_next_line(frame)
            if not frame.height or stage.field not in frame.columns:
                continue
            texts = frame[stage.field].cast(pl.String)
            if texts.null_count():
                texts = texts.fill_null("")
            matches = match_stage(stage, frame, texts, budget, self._stopped)
            frame = mark_late(frame, matches.timed_out)
            for taken, rows in part_rows(frame, matches.taken):
                if observe is not None:
                    observe(stage, taken, frame, texts)
                child = self.compiled.rules[taken.rule]
                read = take_next_line(rows) if stage.field == NEXT_LINE else rows
                yield from self._parse_rule(read, taken.captures, (*chain, child), observe, budget)
            if len(matches.unmatched) < frame.height:
                frame = frame[to_places(matches.unmatched)]
        if frame.height:
            finished = finish_parsed(frame, chain)
            yield Block(compiled.rule.name, compiled.rule.dataset, drop_scratch(finished))


def build_rule_set(
    rules: Sequence[Rule],
    default_timezone: str = "UTC",
    *,
    earlier: RuleSet | None = None,
    store: DatabaseStore | None = None,
    enrichments: Sequence[Enrichment] = (),
    installation: Installation | None = None,
) -> RuleSet:
    """Compiles rules.

    Args:
        rules: what to compile.
        default_timezone: see `RuleSet`.
        earlier: the rule set in use, of which all that is still wanted is taken over; it stays usable.
        store: keeps databases between processes.
        enrichments: what is added to all events.
        installation: zones and masks that hold for all events; None: those of `earlier`, or none.

    Raises:
        RuleError: every pattern that does not compile, with its place.
    """
    stable = [rule for rule in rules if rule.status != EXPERIMENTAL]
    compiled = compile_rules(stable, None if earlier is None else earlier.compiled, store)
    tried = find_experimental(rules)
    before = None if earlier is None or earlier.experimental is None else earlier.experimental.compiled
    if installation is None:
        installation = NO_INSTALLATION if earlier is None else earlier.installation
    experimental = None
    if tried:
        side = compile_rules(tried, before, store)
        experimental = RuleSet(side, default_timezone, installation=installation)
    return RuleSet(
        compiled,
        default_timezone,
        experimental,
        installation,
        build_enricher(stable, enrichments),
        build_masker(stable, installation),
        hash_enrichments(enrichments),
    )


def find_experimental(rules: Sequence[Rule]) -> list[Rule]:
    """The rules whose status is `experimental`, and the ones they read on from, in the order given."""
    by_name = {rule.name: rule for rule in rules}
    tried = (rule for rule in rules if rule.status == EXPERIMENTAL)
    wanted = {name for rule in tried for name in list_chain(rule, by_name)}
    return [rule for rule in rules if rule.name in wanted]

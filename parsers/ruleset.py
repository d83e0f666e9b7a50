"""The parse core: a batch of lines in, one frame a rule out. Start reading at `RuleSet.parse`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.events.compile import CompiledRule, CompiledRules, compile_rules
from parsers.events.finish import finish_parsed, finish_unparsed
from parsers.events.match import choose_rules, match_stage
from parsers.events.prepare import HEAD, drop_scratch, prepare_lines
from parsers.events.refine import merge_captures, refine_captures
from parsers.frames import Block, ParsedBatch
from parsers.model import Rule

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, repr=False)
class RuleSet:
    """Compiled rules. Immutable, and safe to use from several threads.

    `default_timezone` reads times for which neither the line, the rule nor the record names a zone.
    """

    compiled: CompiledRules
    default_timezone: str = "UTC"

    def __repr__(self) -> str:
        return f"RuleSet({len(self.compiled.rules)} rules, {self.hash})"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order they are tried."""
        return tuple(compiled.rule for compiled in self.compiled.rules)

    @property
    def hash(self) -> str:
        """Twelve hex digits that change when any rule changes."""
        return self.compiled.hash

    def parse(self, lines: pl.DataFrame) -> ParsedBatch:
        """Parses a batch.

        Args:
            lines: a line frame, one row an event: `event.original` (String, no nulls), optionally `_time`
            (Int64,
                the record's own time in epoch milliseconds), `_id`, and flat ECS columns of what the record
                knows.

        Returns:
            One block for each rule that took rows and one for the rows that none took. A text that no rule
            knows is an event too (tag `_unparsed`), so every row comes out once. Nothing raises for what a
            line holds.
        """
        prepared = prepare_lines(lines)
        if not prepared.height:
            return ParsedBatch((), 0)
        return ParsedBatch(tuple(self._parse_root(prepared)), lines.height)

    def choose_lines(self, texts: pl.Series, context: pl.DataFrame | None = None) -> IntArray:
        """The index into `rules` of the rule that takes each line (the chain's first), -1 where none does."""
        lines = pl.DataFrame({"event.original": texts}) if context is None else context
        prepared = prepare_lines(lines.with_columns(texts.alias("event.original")))
        return choose_rules(self.compiled.root, prepared, prepared[HEAD])

    def _parse_root(self, frame: pl.DataFrame) -> Iterator[Block]:
        matches = match_stage(self.compiled.root, frame, frame[HEAD])
        for taken in matches.taken:
            rows = frame if len(taken.rows) == frame.height else frame[taken.rows]
            yield from self._parse_rule(rows, taken.captures, (self.compiled.rules[taken.rule],))
        if len(matches.unmatched):
            rest = frame[matches.unmatched]
            late = np.isin(matches.unmatched, matches.timed_out)
            yield Block(
                None, "generic", drop_scratch(finish_unparsed(rest, pl.Series(late, dtype=pl.Boolean)))
            )

    def _parse_rule(
        self, rows: pl.DataFrame, captures: pl.DataFrame, chain: tuple[CompiledRule, ...]
    ) -> Iterator[Block]:
        """Refines what the last rule of the chain captured, then lets the rules after it read on."""
        compiled = chain[-1]
        refined = refine_captures(captures, rows, compiled, self.default_timezone)
        frame = merge_captures(rows, refined)
        for stage in compiled.stages:
            if not frame.height or stage.field not in frame.columns:
                continue
            texts = frame[stage.field].cast(pl.String).fill_null("")
            matches = match_stage(stage, frame, texts)
            for taken in matches.taken:
                child = self.compiled.rules[taken.rule]
                yield from self._parse_rule(frame[taken.rows], taken.captures, (*chain, child))
            frame = frame[matches.unmatched] if len(matches.unmatched) < frame.height else frame
        if frame.height:
            finished = finish_parsed(frame, chain)
            yield Block(compiled.rule.name, compiled.rule.dataset, drop_scratch(finished))


def build_rule_set(rules: Sequence[Rule], default_timezone: str = "UTC") -> RuleSet:
    """Compiles rules.

    Raises:
        RuleError: every pattern that does not compile, with its place.
    """
    return RuleSet(compile_rules(rules), default_timezone)

"""What a process has seen of live lines: how many each rule took, and a sample of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from parsers.frames import ParsedBatch
from parsers.ruleset import EXPERIMENTAL, RuleSet
from pipeline.reload.counts import RuleCounts
from pipeline.reload.quarantine import Isolate, Quarantine
from pipeline.reload.sample import LiveSample


@dataclass(frozen=True, slots=True)
class Seen:
    """The counts and the sample, which grow with every batch.

    `experimental` counts what those rules would take; `quarantine` switches off rules that take too long.
    """

    counts: RuleCounts
    experimental: RuleCounts
    sample: LiveSample
    quarantine: Quarantine

    def add(self, lines: pl.DataFrame, batch: ParsedBatch, rules: RuleSet) -> None:
        """Note a batch (a line frame) and what became of it, and try the experimental rules on it."""
        self.counts.add(batch)
        self.sample.add(lines)
        self.quarantine.add(batch)
        if rules.experimental is not None:
            names = {rule.name for rule in rules.experimental.rules if rule.status == EXPERIMENTAL}
            self.experimental.add(rules.experimental.parse(lines), names)


def build_seen(trial_lines: int, isolate: Isolate, clock: Callable[[], float] = time.monotonic) -> Seen:
    """Nothing seen yet; of the lines to come, the last `trial_lines` or so are kept. `isolate`: see `Quarantine`."""
    return Seen(RuleCounts(), RuleCounts(), LiveSample(trial_lines, clock), Quarantine(isolate))

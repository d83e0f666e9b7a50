"""How long backtracking patterns may take: a line's time in all patterns together, and a rule's in a batch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.events.compile import CompiledRule
from parsers.patterns.extract import LINE_TIMEOUT_SECONDS, Extracted, PatternExtractor

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
# A rule that gave up on so many lines of a batch is not tried on the others: they would hold up all that comes after.
RULE_TIMEOUTS = 20


@dataclass(slots=True)
class Budget:
    """What the lines of a batch have left, and what each rule (its place in the rule set) has cost.

    Only patterns of the backtracking engine count: the time of the others grows with the length of the line alone.
    """

    left: FloatArray
    timeouts: Counter[int] = field(default_factory=Counter)
    seconds: dict[int, float] = field(default_factory=dict)

    def extract(
        self, rule: int, extractor: PatternExtractor, texts: pl.Series, rows: Iterable[int] | IntArray
    ) -> Extracted:
        """Matches a pattern of `rule` on texts; `rows` are their lines' places in the batch."""
        places = np.fromiter(rows, dtype=np.int64)
        left = self.left[places]
        before = float(left.sum())
        found = extractor.extract_within(texts, left, RULE_TIMEOUTS - self.timeouts[rule])
        self.left[places] = left
        self.seconds[rule] = self.seconds.get(rule, 0.0) + before - float(left.sum())
        if found.timed_out is not None:
            self.timeouts[rule] += int(found.timed_out.sum())
        return found


def open_budget(height: int) -> Budget:
    """The budget of a batch of `height` lines."""
    return Budget(np.full(height, LINE_TIMEOUT_SECONDS))


def add_up(
    budgets: Sequence[Budget], rules: Sequence[CompiledRule]
) -> tuple[dict[str, int], dict[str, float]]:
    """Timed-out lines and seconds by the names of `rules`; rules that cost nothing are left out."""
    timeouts: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for budget in budgets:
        for rule, count in budget.timeouts.items():
            timeouts[rules[rule].rule.name] += count
        for rule, spent in budget.seconds.items():
            name = rules[rule].rule.name
            seconds[name] = seconds.get(name, 0.0) + spent
    return {name: count for name, count in timeouts.items() if count}, seconds

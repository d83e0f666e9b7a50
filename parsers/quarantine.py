"""Finds rules whose backtracking patterns take too long on live lines, so that they can be stopped alone."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from parsers.frames import ParsedBatch

# Each of these lines cost 50 ms. One or two among a hundred thousand may be an accident, or somebody's attempt.
TIMEOUTS = 20
LINES = 100_000


@dataclass(slots=True)
class TimeoutWatch:
    """Counts, batch after batch, the lines that rules gave up. One for all batches of a rule set; not thread-safe.

    A rule is to be quarantined when it gave up more than `timeouts` of the last `lines` lines.
    """

    timeouts: int = TIMEOUTS
    lines: int = LINES
    _seen: int = 0
    _recent: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    def count(self, batch: ParsedBatch) -> frozenset[str]:
        """Adds a batch; gives the rules of this batch that are over the limit, as a rule none.

        Hand them to `RuleSet.without`, together with those that are quarantined already. A quarantined rule takes no
        time any more, so it is named once.
        """
        self._seen += batch.height
        over = []
        for rule, count in batch.timeouts.items():
            recent = self._recent.setdefault(rule, deque())
            recent.append((self._seen, count))
            # A batch larger than the window still counts whole.
            while recent[0][0] <= self._seen - self.lines:
                recent.popleft()
            if sum(number for _, number in recent) > self.timeouts:
                over.append(rule)
        return frozenset(over)

    def report(self) -> Mapping[str, int]:
        """How many of the last lines each rule gave up, for those that gave up any."""
        floor = self._seen - self.lines
        counts = {
            rule: sum(number for seen, number in recent if seen > floor)
            for rule, recent in self._recent.items()
        }
        return {rule: count for rule, count in counts.items() if count}

"""Parses a file with all shipped rules and writes nothing: reading, choosing, extracting, types; no documents.

    python -m bench.peers.parse_only access.log 400000

Exits with 1 unless so many lines were parsed.
"""

import os
import sys
import time

from pipeline.local import Tally, load_engine, read_batches
from pipeline.rule_store import open_store
from pipeline.sources.errors import SourceError
from pipeline.sources.events import ORIGIN


class Strict:
    """An observer that does not go on without an input."""

    def read(self, count: int) -> None:
        """Nobody looks at the progress."""

    def fail(self, error: SourceError) -> None:
        """Raise it."""
        raise error


def main() -> int:
    path, count = sys.argv[1], int(sys.argv[2])
    engine = load_engine(store=open_store(os.environ))
    parsed = 0
    for lines in read_batches(engine.joiner, [path], Strict(), Tally(), time.time_ns() // 1_000_000):
        blocks = engine.flow.parse(lines.drop(ORIGIN, "_size")).blocks
        parsed += sum(block.frame.height for block in blocks if block.rule is not None)
    print(f"{parsed} of {count} lines parsed", file=sys.stderr)
    return int(parsed != count)


if __name__ == "__main__":
    sys.exit(main())

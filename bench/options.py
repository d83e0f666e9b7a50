"""What a run of the benchmarks is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """`folder` is for files of the run. `kafka` and `elasticsearch` give a server's address, starting it if need be.

    `large`: what takes long, 1 GB of files, ten million events to search, half an hour of memory.
    """

    folder: Path
    kafka: Callable[[], str]
    elasticsearch: Callable[[], str]
    quick: bool = False
    records: int | None = None
    wanted_rounds: int | None = None
    large: bool = False

    @property
    def rounds(self) -> int:
        """How often each contender runs."""
        return self.wanted_rounds or (2 if self.quick else 5)

    def choose(self, full: int, quick: int) -> int:
        """How many records each contender gets: what was asked for, or one of these."""
        return self.records or (quick if self.quick else full)

"""What every contender is to the comparison: something that turns a file of lines into documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

Fields: TypeAlias = dict[str, str | int]
"""The common fields of one document, by their names in ECS; a field that the line leaves empty is not there."""


class Variant(StrEnum):
    """What is written. Only contenders of the same variant are compared."""

    JSON = "JSON written"
    NOTHING = "no output"
    KAFKA = "Kafka to Kafka"


@dataclass(frozen=True, slots=True)
class Job:
    """`count` lines in the file `lines`, to be parsed on `core`; `folder` is empty and the contender's alone.

    `keep`: the documents are read afterwards. What costs time only for that may be left out without it.
    """

    lines: Path
    count: int
    folder: Path
    core: int
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a run cost, from the start of the process to its end.

    `cpu`: seconds, user and system, with children; `seconds`: by the clock; `peak_mb`: the most memory resident, in
    MB of 1,000,000 bytes.
    """

    cpu: float
    seconds: float
    peak_mb: float


class Peer(Protocol):
    """A contender.

    `share`, above 0 and at most 1, is the part of all lines that it gets: a slow one needs fewer for a steady figure.
    `goal` is how many times as fast Tailrace wants to be; None for nothing.
    """

    @property
    def tool(self) -> str:
        """Which tool."""

    @property
    def name(self) -> str:
        """Which tool, doing what."""

    @property
    def variant(self) -> Variant:
        """What it writes."""

    @property
    def share(self) -> float:
        """The part of all lines that it gets."""

    @property
    def goal(self) -> float | None:
        """The least ratio of Tailrace's speed to its own."""

    def find_missing(self) -> str | None:
        """Why it cannot run here, and how to have it; None when it can."""

    def run(self, job: Job) -> Measurement:
        """Parse the lines. Raises PeerError when the tool fails or does not come to an end."""

    def read(self, job: Job) -> Iterator[Fields]:
        """The documents that `run` left for a job to keep, in any order; none of a variant that writes nothing."""


class PeerError(RuntimeError):
    """A peer did not do its work; the message says which, and holds the end of what it wrote."""

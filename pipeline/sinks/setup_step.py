"""What the set-up of a server did, in the same words for all servers."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["created", "updated", "unchanged", "differs"]


class SetupError(Exception):
    """A server refuses what the set-up asks of it; the message says what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing set up. `differs`: it exists, but not as the settings say, and is not ours to change.

    `note` holds what a person should know, one thing a line.
    """

    what: str
    name: str
    outcome: Outcome
    note: str = ""

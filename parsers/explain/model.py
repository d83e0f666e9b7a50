"""What an explanation says, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass

from parsers.explain.reach import Reach
from parsers.model import Location, Value


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pattern that was tried on a text and did not take it; `pattern` counts from 1, 0 for a structured body.

    `is_skipped`: the rule's `when` did not hold, so that none of its patterns was tried. `reach` is None for
    structured bodies and where the rule was skipped.
    """

    rule: str
    pattern: int
    location: Location
    is_skipped: bool = False
    reach: Reach | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule of the chain that took the event: which pattern, on which text, and what it captured where.

    `field` is the field it read, None for the line itself; `pattern` counts from 1, 0 for a structured body.
    """

    rule: str
    dataset: str
    location: Location
    pattern: int
    pattern_location: Location
    field: str | None
    text: str
    captures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """A field of the document, its value, and in words where it comes from."""

    field: str
    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a line became what it is.

    `rule` is the rule that the document names, None for an unparsed line. `chain` holds all rules that took it, the
    first one first. `tried` are the
    patterns before the one that took the line, or all when none did, in the order they are tried; `nearest` the ones
    of all that got furthest, the best first.
    """

    line: str
    rule: str | None
    chain: tuple[Taken, ...]
    tried: tuple[Attempt, ...]
    nearest: tuple[Attempt, ...]
    fields: tuple[Origin, ...]

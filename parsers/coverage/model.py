"""What coverage counts."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from parsers.model import Location

Kind: TypeAlias = Literal["pattern", "branch", "optional group", "map entry"]


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a rule that a test can exercise; `what` names it for people."""

    rule: str
    kind: Kind
    what: str
    location: Location
    is_exercised: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """All parts of all rules, in the order of the rules and of their text."""

    items: tuple[Item, ...]

"""What the value of a key may be."""

from dataclasses import dataclass
from typing import TypeAlias

FIELD_PATTERN = r"^@?[A-Za-z_][A-Za-z0-9_@-]*(\.[A-Za-z0-9_@-]+)*$"


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is not empty; `what` names it for people, `pattern` and `longest` bound it."""

    what: str = "text"
    pattern: str = ""
    longest: int = 0
    may_be_number: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Words:
    """One of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """A text, number, truth value or null; `is_nested`: or lists and mappings of them, but not null."""

    is_nested: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list of `item`; `or_one`: a single one may stand without the list. `may_be_empty`: it may hold none."""

    item: "Kind"
    or_one: bool = True
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping with free keys, which are fields unless `key` says what else, to `value`."""

    value: "Kind"
    key: str = "field"
    may_be_empty: bool = False
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several kinds."""

    kinds: tuple["Kind", ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping with known keys; `what` names it. `also`: further keys are fields, of any value.

    `one_of`: exactly one of these keys is there. `any_of`: at least one. `needs`: a key that is only there with
    another.
    """

    what: str
    keys: tuple["Key", ...]
    one_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    also: bool = False


Kind: TypeAlias = Text | Whole | Truth | Words | Plain | Items | Pairs | Choice | Keys


@dataclass(frozen=True, slots=True)
class Key:
    """A key: its name, what it is for in one sentence, what it holds, its default, and an example in YAML."""

    name: str
    says: str
    kind: Kind
    default: str = ""
    example: str = ""
    is_required: bool = False


FIELD = Text("field", FIELD_PATTERN)


def names_of(keys: Keys) -> tuple[str, ...]:
    """The names of the keys of a mapping, in their order."""
    return tuple(key.name for key in keys.keys)

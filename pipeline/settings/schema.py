"""The settable paths, read off the dataclasses: one description for file, environment and listing."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from pipeline.settings.model import Settings, Unit
from pipeline.settings.secret import Secret
from pipeline.settings.units import parse_bytes, parse_percent, parse_processes, parse_seconds

Keys: TypeAlias = tuple[str, ...]

PREFIX = "TAILRACE"
TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that can be set. `kind` is its type without None; `optional`: None is a value of it."""

    keys: Keys
    kind: Any
    optional: bool
    default: Any

    @property
    def path(self) -> str:
        """The dotted path, as in `kafka.topics.raw`."""
        return ".".join(self.keys)

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "_".join((PREFIX, *self.keys)).upper()

    @property
    def is_list(self) -> bool:
        """True for a value of several items."""
        return get_origin(self.kind) is tuple

    @property
    def is_structured(self) -> bool:
        """True for a list of mappings."""
        return self.is_list and is_dataclass(get_args(self.kind)[0])

    @property
    def is_secret(self) -> bool:
        """True for a value that is never shown."""
        return self.kind is Secret


@cache
def list_leaves() -> Mapping[Keys, Leaf]:
    """All settable values by their path, in the order of the dataclasses."""
    return MappingProxyType({leaf.keys: leaf for leaf in _walk(Settings, ())})


@cache
def list_sections() -> frozenset[Keys]:
    """The paths that hold further keys; the root is the empty path."""
    return frozenset(leaf.keys[:depth] for leaf in list_leaves().values() for depth in range(len(leaf.keys)))


def list_keys(section: Keys) -> tuple[str, ...]:
    """The keys that a section takes, a secret's `<key>_file` among them."""
    names: dict[str, None] = {}
    for leaf in list_leaves().values():
        if leaf.keys[: len(section)] == section:
            names[leaf.keys[len(section)]] = None
            if leaf.is_secret and len(leaf.keys) == len(section) + 1:
                names[f"{leaf.keys[-1]}_file"] = None
    return tuple(names)


def parse_value(leaf: Leaf, texts: tuple[str, ...]) -> Any:
    """The value that a text stands for; several texts only for a list. ValueError says what is wrong."""
    if leaf.is_list:
        item = get_args(leaf.kind)[0]
        return tuple(_parse_scalar(item, text) for text in texts)
    if len(texts) != 1:
        raise ValueError("one value is wanted here, not a list")
    return _parse_scalar(leaf.kind, texts[0])


def suggest(name: str, known: tuple[str, ...]) -> str:
    """`did you mean 'x'?`, or the names there are."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"


def _parse_scalar(kind: Any, text: str) -> Any:
    unit = None
    if get_origin(kind) is Annotated:
        kind, unit = get_args(kind)
    if isinstance(unit, Unit):
        return _parse_number(unit, kind, text)
    if get_origin(kind) is Literal:
        return _parse_choice(get_args(kind), text)
    if kind is bool:
        if text.lower() not in TRUE | FALSE:
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in TRUE
    if not text:
        raise ValueError("the value is empty")
    if kind is str:
        return text
    if kind is Secret:
        return Secret(text)
    if kind is Path:
        return Path(text).expanduser()
    raise TypeError(f"settings of the type {kind!r} cannot be read")


def _parse_number(unit: Unit, kind: type, text: str) -> float | int:
    if unit.name == "bytes":
        value: float = parse_bytes(text)
    elif unit.name == "seconds":
        value = parse_seconds(text)
    elif unit.name == "percent":
        value = parse_percent(text)
    elif unit.name == "processes":
        value = parse_processes(text)
    else:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number") from None
    if value < unit.minimum:
        raise ValueError(f"{text!r} is too small; the least is {unit.minimum:g}")
    return value


def _parse_choice(choices: tuple[str, ...], text: str) -> str:
    for choice in choices:
        if choice.lower() == text.lower():
            return choice
    near = get_close_matches(text.lower(), [choice.lower() for choice in choices], n=1)
    mend = next(
        (f"; did you mean '{choice}'?" for choice in choices if near and choice.lower() == near[0]), ""
    )
    raise ValueError(f"{text!r} is not one of {', '.join(choices)}{mend}")


def _walk(section: type, keys: Keys) -> Iterator[Leaf]:
    hints = get_type_hints(section, include_extras=True)
    for item in fields(section):
        if not keys and item.name == "origins":
            continue
        kind, path = hints[item.name], (*keys, item.name)
        if is_dataclass(kind) and isinstance(kind, type):
            yield from _walk(kind, path)
            continue
        optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
        if optional:
            kind = next(part for part in get_args(kind) if part is not NoneType)
        if item.default is MISSING:
            raise TypeError(f"the setting {'.'.join(path)} has no default")
        yield Leaf(path, kind, optional, item.default)

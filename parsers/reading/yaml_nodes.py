"""YAML text to a tree in which every key and value knows its place; what cannot be read becomes Problems.

Scalars keep the text as written: what `no`, `010` or `2026-07-01` mean depends on the YAML version a tool
follows, so the reader of a key decides (read_nodes.py), never the YAML library.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from parsers.errors import Problem
from parsers.model import Location
from parsers.reading.yaml_errors import describe_error

# A rule file nests about five levels deep and holds some hundred values. The limits stop a file that would
# exhaust the stack or, through aliases of aliases, the memory of whoever walks the tree.
MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_BYTES = 8_388_608


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A value as written. `plain`: without quotes, so it may stand for a number, a boolean or null.

    `location` is the first character of the value (an opening quote included), `start` the first of its text.
    """

    text: str
    location: Location
    start: Location
    plain: bool = False


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: tuple["Node", ...]
    location: Location


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping and what stands behind it."""

    key: ScalarNode
    value: "Node"


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping; keys are distinct, in the order written."""

    entries: tuple[Entry, ...]
    location: Location


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def load_nodes(path: Path) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """The YAML documents of a file, and all that is wrong with it as YAML.

    A file that cannot be opened, is too large or not UTF-8 gives no documents and one problem. Never raises.
    """
    data = read_data(path)
    return ((), (data,)) if isinstance(data, Problem) else parse_nodes(data, str(path))


def read_data(path: Path) -> bytes | Problem:
    """The bytes of a file, or what keeps it from being opened."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Problem(Location(str(path)), f"cannot read the file: {reason}")


def parse_nodes(data: bytes | str, file: str) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """The YAML documents in `data`, and all that is wrong with it as YAML; empty documents are left out.

    A syntax error ends the reading: documents before it are returned. Duplicate keys, keys that are lists,
    tags, merge keys and runaway aliases are problems; the tree leaves them out. Never raises.
    """
    if len(data) > MAX_BYTES:
        hint = f"the limit is {MAX_BYTES} bytes; split it into several files"
        return (), (Problem(Location(file), f"the file is too large: {len(data)} bytes", hint),)
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _locate_byte(file, raw, error.start)
        byte = raw[error.start]
        return (), (Problem(place, f"the file is not UTF-8 (byte 0x{byte:02x})", "save it as UTF-8"),)
    return _Composer(file, text).compose()


def _locate_byte(file: str, data: bytes, position: int) -> Location:
    line = data.count(b"\n", 0, position) + 1
    begin = data.rfind(b"\n", 0, position) + 1
    return Location(file, line, len(data[begin:position].decode("utf-8", "replace")) + 1)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    event: Any
    anchor: str | None
    children: list[Node]
    size: int = 1


class _Composer:
    """Builds the tree from parser events, with a stack of its own: deep nesting cannot overflow Python's."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.lines: list[str] = []
        self.problems: list[Problem] = []
        self.documents: list[Node] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.ended: set[str] = set()
        self.stack: list[_Open] = []
        self.nodes = 0

    def compose(self) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
        self.lines = self.text.splitlines()
        try:
            for event in _parse_events(self.text):
                if not self.take(event):
                    break
        except yaml.YAMLError as error:
            self.problems.append(describe_error(error, self.file, self.text))
        return tuple(self.documents), tuple(self.problems)

    def take(self, event: Any) -> bool:
        """Add one event to the tree; False: the rest of the file is not worth reading."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.ended.update(self.anchors)
            self.anchors = {}
            self.stack = []
        elif isinstance(event, yaml.ScalarEvent):
            self.check_tag(event)
            return self.add(self.to_scalar(event), event.anchor, 1, event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self.check_tag(event)
            if len(self.stack) >= MAX_DEPTH:
                hint = f"at most {MAX_DEPTH} levels are read"
                self.report(event.start_mark, "lists and mappings are nested too deeply", hint)
                return False
            self.stack.append(_Open(event, event.anchor, []))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = self.stack.pop()
            return self.add(self.close(done), done.anchor, done.size, done.event)
        elif isinstance(event, yaml.AliasEvent):
            return self.add_alias(event)
        return True

    def add(self, node: Node, anchor: str | None, size: int, event: Any) -> bool:
        if anchor:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            if not (isinstance(node, ScalarNode) and node.plain and not node.text):
                self.documents.append(node)
            return True
        parent = self.stack[-1]
        parent.children.append(node)
        parent.size += size
        self.nodes += size if isinstance(event, yaml.AliasEvent) else 1
        if self.nodes > MAX_NODES:
            hint = "write out what the aliases stand for, or split the file"
            self.report(event.start_mark, f"the file holds more than {MAX_NODES} values", hint)
            return False
        return True

    def add_alias(self, event: Any) -> bool:
        known = self.anchors.get(event.anchor)
        if known is None:
            inside = any(open_.anchor == event.anchor for open_ in self.stack)
            if inside:
                self.report(event.start_mark, f"alias *{event.anchor} stands inside the value it names")
            else:
                hint = "put a text that begins with * in single quotes"
                if event.anchor in self.ended:
                    hint = "an anchor holds up to the next ---; write the value again"
                self.report(
                    event.start_mark, f"no anchor &{event.anchor} for the alias *{event.anchor}", hint
                )
            empty = ScalarNode("", self.locate(event.start_mark), self.locate(event.start_mark), plain=True)
            return self.add(empty, None, 1, event)
        node, size = known
        return self.add(node, None, size, event)

    def close(self, done: _Open) -> Node:
        location = self.locate(done.event.start_mark)
        if isinstance(done.event, yaml.SequenceStartEvent):
            return SequenceNode(tuple(done.children), location)
        entries: dict[str, Entry] = {}
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                message = "a list or mapping cannot be a key"
                self.problems.append(
                    Problem(key.location, message, "put a text with { or [ in single quotes")
                )
            elif key.plain and key.text == "<<":
                hint = "write the keys out, or use an alias for a whole value"
                self.problems.append(Problem(key.location, "merge keys (<<) are not supported", hint))
            elif key.text in entries:
                first = entries[key.text].key.location
                hint = f"it was first set at {first}; keep one of them"
                self.problems.append(Problem(key.location, f"duplicate key '{key.text}'", hint))
            else:
                entries[key.text] = Entry(key, value)
        return MappingNode(tuple(entries.values()), location)

    def check_tag(self, event: Any) -> None:
        known = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
        if event.tag not in known:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "remove it; quote the value if a text is meant"
            self.report(event.start_mark, f"the YAML tag {tag} is not supported", hint)

    def to_scalar(self, event: Any) -> ScalarNode:
        mark = event.start_mark
        location = self.locate(mark)
        plain = not event.style and event.tag is None
        start = location
        if (
            event.style in ("'", '"')
            and self.source_line(mark.line)[mark.column : mark.column + 1] == event.style
        ):
            start = Location(self.file, location.line, location.column + 1)
        elif event.style in ("|", ">"):
            line = self.source_line(mark.line + 1)
            start = Location(self.file, location.line + 1, len(line) - len(line.lstrip(" ")) + 1)
        return ScalarNode(event.value, location, start, plain)

    def source_line(self, index: int) -> str:
        return self.lines[index] if index < len(self.lines) else ""

    def locate(self, mark: Any) -> Location:
        return Location(self.file, mark.line + 1, mark.column + 1)

    def report(self, mark: Any, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.locate(mark), message, hint))


def _parse_events(text: str) -> Iterator[Any]:
    """The parser's events, by libyaml; when it refuses the text, PyYAML's own parser has the last word.

    libyaml is some ten times as fast, but the two word errors differently: only one may speak to the user.
    """
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            return iter(list(yaml.parse(text, Loader=fast)))
        except yaml.YAMLError:
            pass
    return iter(yaml.parse(text, Loader=yaml.SafeLoader))

"""A lookup table as a value: CSV with a header row, or a YAML mapping."""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from parsers.errors import Problem
from parsers.model import Location, Lookup, Scalar, Table
from parsers.reading.read_nodes import describe, read_value, suggest
from parsers.reading.yaml_nodes import MappingNode, Node, ScalarNode, parse_nodes

YAML_SUFFIXES = (".yml", ".yaml")
# The column that a YAML table of plain values (`web-1: shop`) has.
VALUE = "value"
MAX_BYTES = 256 * 1024 * 1024


def attach_table(lookup: Lookup, directory: Path, problems: list[Problem]) -> Lookup:
    """The lookup with its table, which lies relative to the rules directory; unchanged, and a problem, without one."""
    path = directory / lookup.path
    try:
        if path.stat().st_size > MAX_BYTES:
            hint = f"the limit is {MAX_BYTES} bytes; leave out rows or columns that nothing uses"
            problems.append(Problem(lookup.location, f"the table '{lookup.path}' is too large", hint))
            return lookup
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "a table lies relative to the rules directory"
        problems.append(Problem(lookup.location, f"cannot read the table '{path}': {reason}", hint))
        return lookup
    before = len(problems)
    if path.suffix in YAML_SUFFIXES:
        table = _read_yaml(data, str(path), lookup.path, problems)
    else:
        table = _read_csv(data, str(path), lookup, problems)
    if table is None or len(problems) > before:
        return lookup
    for column in lookup.to:
        if column not in table.columns:
            hint = suggest(column, table.columns) or "its columns are " + ", ".join(table.columns)
            problems.append(
                Problem(lookup.location, f"the table '{lookup.path}' has no column '{column}'", hint)
            )
    return replace(lookup, table=replace(table, digest=_digest(data)))


def digest_table(path: Path) -> str | None:
    """The digest that a table read from the file now would have; None if it cannot be read or is too large."""
    try:
        return None if path.stat().st_size > MAX_BYTES else _digest(path.read_bytes())
    except OSError:
        return None


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _read_csv(data: bytes, file: str, lookup: Lookup, problems: list[Problem]) -> Table | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem(Location(file, line), "the table is not UTF-8", "save it as UTF-8"))
        return None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: dict[str, tuple[Scalar, ...]] = {}
    first: dict[str, int] = {}
    try:
        header = [name.strip() for name in next(reader, [])]
        if not _check_header(header, file, lookup, problems):
            return None
        at = header.index(lookup.key) if lookup.key is not None else 0
        for row in reader:
            place = Location(file, reader.line_num)
            if not row or all(not cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                hint = "put a value with a comma in double quotes"
                problems.append(
                    Problem(place, f"the row has {len(row)} values, the header {len(header)}", hint)
                )
                continue
            key = row[at].strip()
            if key in rows:
                hint = f"it is also in line {first[key]}; keep one of them"
                problems.append(Problem(place, f"the key '{key}' is there twice", hint))
                continue
            rows[key], first[key] = tuple(cell.strip() or None for cell in row), reader.line_num
    except csv.Error as error:
        problems.append(Problem(Location(file, reader.line_num), f"the table cannot be read: {error}"))
        return None
    return Table(lookup.path, tuple(header), rows)


def _check_header(header: list[str], file: str, lookup: Lookup, problems: list[Problem]) -> bool:
    place = Location(file)
    if not header or not all(header):
        hint = "write the names of the columns into the first line"
        problems.append(Problem(place, "the table has no header, or a column without a name", hint))
        return False
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        problems.append(Problem(place, f"there are two columns named '{twice[0]}'", "rename one"))
        return False
    if lookup.key is not None and lookup.key not in header:
        hint = suggest(lookup.key, header) or "its columns are " + ", ".join(header)
        problems.append(
            Problem(lookup.location, f"the table has no column '{lookup.key}' for the keys", hint)
        )
        return False
    return True


def _read_yaml(data: bytes, file: str, name: str, problems: list[Problem]) -> Table | None:
    nodes, found = parse_nodes(data, file)
    problems.extend(found)
    if found:
        return None
    if len(nodes) != 1 or not isinstance(nodes[0], MappingNode):
        hint = "write one mapping: each key with a value, or with columns below it"
        problems.append(Problem(Location(file), "the table is not one mapping", hint))
        return None
    raw: dict[str, Mapping[str, Scalar]] = {}
    for entry in nodes[0].entries:
        if isinstance(entry.value, MappingNode):
            cells = {cell.key.text: _read_cell(cell.value, problems) for cell in entry.value.entries}
        else:
            cells = {VALUE: _read_cell(entry.value, problems)}
        raw[entry.key.text] = cells
    columns = tuple(dict.fromkeys(column for cells in raw.values() for column in cells))
    return Table(name, columns, {key: tuple(map(cells.get, columns)) for key, cells in raw.items()})


def _read_cell(node: Node, problems: list[Problem]) -> Scalar:
    if not isinstance(node, ScalarNode):
        problems.append(Problem(node.location, f"a table holds single values, not {describe(node)}"))
        return None
    value = read_value(node, problems)
    return None if isinstance(value, list | dict) else value

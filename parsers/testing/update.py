"""Writes what came out of tests into the rule files, in place: comments and everything else stay as they are."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from parsers.model import Value
from parsers.testing.ruletest import IMPLIED, TestResult


@dataclass(frozen=True, slots=True)
class _Edit:
    """`text` takes the place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def update_tests(results: Sequence[TestResult]) -> tuple[Mapping[str, int], list[TestResult]]:
    """Rewrites the expectations of tests whose own rule took the line but gave other fields.

    A test that expects `{}` gets all fields of the document, one that names fields gets their values as found (null
    for a field that did not come out). Tests whose line another rule took, and `no_match`, are left alone: there the
    rule is wrong, not the expectation.

    Returns:
        The number of tests changed in each file, and all results, those of changed tests as passed.

    Raises:
        OSError: a file cannot be read or written.
    """
    chosen: defaultdict[str, list[TestResult]] = defaultdict(list)
    for result in results:
        if _needs_update(result):
            chosen[result.location.file].append(result)
    for file, wanted in chosen.items():
        _update_file(Path(file), wanted)
    changed = {file: len(wanted) for file, wanted in chosen.items()}
    kept = [
        replace(result, passed=True, differences=()) if _needs_update(result) else result
        for result in results
    ]
    return changed, kept


def _needs_update(result: TestResult) -> bool:
    if result.test.expect is None or result.taken_by != result.rule:
        return False
    return bool(result.differences) or not result.test.expect


def _update_file(path: Path, results: Sequence[TestResult]) -> None:
    text = path.read_text(encoding="utf-8")
    expectations = {
        (node.start_mark.line + 1, node.start_mark.column + 1): node for node in _find_tests(text)
    }
    edits: list[_Edit] = []
    for result in results:
        test = expectations[result.location.line, result.location.column]
        expect = next(value for key, value in test.value if key.value == "expect")
        edits += _edit_expectation(expect, result)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    path.write_text(text, encoding="utf-8")


def _find_tests(text: str) -> Iterator[Any]:
    for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
        for key, value in document.value:
            if key.value == "tests":
                yield from value.value


def _edit_expectation(expect: Any, result: TestResult) -> Iterator[_Edit]:
    if not expect.value:
        fields = {
            name: value for name, value in result.document.items() if name not in IMPLIED or name == "message"
        }
        fields.setdefault("@timestamp", result.document["@timestamp"])
        yield _Edit(expect.start_mark.index, expect.end_mark.index, write_flow(dict(sorted(fields.items()))))
        return
    places = dict(_list_places(expect, ""))
    added: list[str] = []
    for difference in result.differences:
        node = places.get(difference.field)
        if node is None:
            added.append(f"{write_flow(difference.field)}: {write_flow(difference.got)}")
        else:
            yield _Edit(node.start_mark.index, node.end_mark.index, write_flow(difference.got))
    if added:
        last = expect.value[-1][1].end_mark.index
        indent = "\n" + " " * expect.start_mark.column
        between = ", " if expect.flow_style else indent
        yield _Edit(last, last, "".join(between + text for text in added))


def _list_places(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _list_places(value, f"{name}.")
        else:
            yield name, value


def write_flow(value: Value) -> str:
    """A value as YAML that may stand inside a flow mapping."""
    # As the item of a list, so that commas and brackets get their quotes.
    written = yaml.safe_dump(
        [value], default_flow_style=True, width=2**31, allow_unicode=True, sort_keys=False
    )
    return str(written).strip()[1:-1]

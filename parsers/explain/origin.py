"""Where each field of a document comes from, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsers.explain.follow import find_spans
from parsers.explain.model import Origin, Taken
from parsers.model import Rule, Value


@dataclass(frozen=True, slots=True)
class _Step:
    """A rule of the chain, what it took, and where in the text its captures stand."""

    taken: Taken
    rule: Rule
    spans: Mapping[str, tuple[int, int]]


_EVERY_EVENT = {
    "ecs.version": "every event has it",
    "event.kind": "every event has it",
    "event.dataset": "the rule's dataset",
    "event.original": "the whole event as it came",
    "rule.name": "the rule that took the event",
}


def find_origins(
    document: Mapping[str, Value], chain: Sequence[tuple[Taken, Rule]], context: frozenset[str]
) -> tuple[Origin, ...]:
    """One origin for each field of `document` (flat dotted names), in its order.

    `chain` holds each rule that took the event with what it took; `context` are the fields that the record brought.
    """
    steps = [_Step(taken, rule, find_spans(rule, taken)) for taken, rule in reversed(chain)]
    return tuple(
        Origin(name, value, _find_source(name, value, steps, context)) for name, value in document.items()
    )


def _find_source(name: str, value: Value, steps: Sequence[_Step], context: frozenset[str]) -> str:
    if name in _EVERY_EVENT and (steps or name != "event.dataset"):
        return _EVERY_EVENT[name]
    for step in steps:
        source = _find_in_rule(name, value, step)
        if source:
            return source
    if name in context:
        return "the record brought it"
    if name == "@timestamp":
        return "the record's own time: no rule read a time"
    if name == "message":
        return "the line: no pattern captured a message"
    if name == "tags":
        return "what went wrong"
    return "derived from other fields" if steps else "a guess: no rule took the event"


def _find_in_rule(name: str, value: Value, step: _Step) -> str:
    taken, rule = step.taken, step.rule
    where = f"rule {taken.rule}"
    spec = rule.timestamp
    if name == "@timestamp" and spec is not None and spec.field in taken.captures:
        return f"{where}: time read from '{taken.captures[spec.field]}' {_describe_place(spec.field, step)}"
    mapped = next((item for item in rule.map if item.target == name), None)
    if mapped is not None and mapped.source != name and mapped.source in taken.captures:
        return f"{where}: map of {mapped.source} '{taken.captures[mapped.source]}'"
    if name in taken.captures:
        text = f"{where}: captured {_describe_place(name, step)}"
        raw = taken.captures[name]
        return text if raw == value else f"{text} as '{raw}'"
    if taken.pattern and name in rule.patterns[taken.pattern - 1].set:
        return f"{where}: set by pattern {taken.pattern}"
    if name in rule.set:
        return f"{where}: set"
    if mapped is not None:
        return f"{where}: map of {mapped.source}"
    return ""


def _describe_place(name: str, step: _Step) -> str:
    taken = step.taken
    read = f" of {taken.field}" if taken.field else ""
    if name not in step.spans:
        return f"out of the body{read}" if not taken.pattern else f"by pattern {taken.pattern}{read}"
    start, end = step.spans[name]
    return f"by pattern {taken.pattern}, columns {start + 1}-{end}{read}"

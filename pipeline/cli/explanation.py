"""Writes an explanation for a terminal or as JSON."""

import json
from collections.abc import Iterator
from typing import Any

import click

from parsers.escape import escape
from parsers.explain.model import Attempt, Explanation, Taken

_TEXT_LIMIT = 200
_VALUE_LIMIT = 70


def to_json(explanation: Explanation) -> str:
    """One JSON object: `line`, `rule`, `chain`, `fields`, `nearest` and `tried`."""
    return json.dumps(
        {
            "line": explanation.line,
            "rule": explanation.rule,
            "chain": [
                {"rule": taken.rule, "dataset": taken.dataset, "pattern": taken.pattern or None,
                 "location": str(taken.pattern_location), "field": taken.field, "captures": dict(taken.captures)}
                for taken in explanation.chain
            ],
            "fields": [
                {"field": origin.field, "value": origin.value, "source": origin.source}
                for origin in explanation.fields
            ],
            "nearest": [_to_object(attempt) for attempt in explanation.nearest],
            "tried": [_to_object(attempt) for attempt in explanation.tried],
        },
        ensure_ascii=False,
    )  # fmt: skip


def _to_object(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "rule": attempt.rule,
        "pattern": attempt.pattern or None,
        "location": str(attempt.location),
        "skipped": attempt.is_skipped,
    }
    if attempt.reach is not None:
        found |= {
            "matched_characters": attempt.reach.end,
            "pattern_goes_on_with": attempt.reach.wanted,
            "line_goes_on_with": attempt.reach.found,
        }
    return found


def write_explanation(explanation: Explanation, *, everything: bool = False) -> str:
    """The explanation for people. With `everything`, every pattern that was tried and not the nearest alone."""
    lines = [click.style(_cut(escape(explanation.line), _TEXT_LIMIT), bold=True), ""]
    if explanation.rule is None:
        lines.append(click.style("No rule takes this event.", fg="red"))
    else:
        lines.append(click.style(f"Parsed by rule {explanation.rule}", fg="green"))
    lines += [f"  {_describe_step(taken)}" for taken in explanation.chain]
    lines += ["", "Fields", *_write_fields(explanation)]
    if explanation.rule is None and explanation.nearest and not everything:
        lines += ["", "Nearest rules", *_write_attempts(explanation.nearest, explanation)]
    if everything and explanation.tried:
        title = "Tried before, in this order" if explanation.rule else "Tried, in this order"
        lines += ["", title, *_write_attempts(explanation.tried, explanation)]
    return "\n".join(lines) + "\n"


def _describe_step(taken: Taken) -> str:
    read = f"read field {taken.field}" if taken.field else "read the line"
    by = f"pattern {taken.pattern}" if taken.pattern else "the body's format"
    return f"{taken.rule}: {read}, {by}  {click.style(str(taken.pattern_location), dim=True)}"


def _write_fields(explanation: Explanation) -> Iterator[str]:
    values = {
        origin.field: _cut(escape(_show_value(origin.value)), _VALUE_LIMIT) for origin in explanation.fields
    }
    names = max(map(len, values), default=0)
    width = max(map(len, values.values()), default=0)
    for origin in explanation.fields:
        value = values[origin.field].ljust(width)
        source = click.style(escape(origin.source), dim=True)
        yield f"  {click.style(origin.field.ljust(names), fg='cyan')}  {value}  {source}"


def _write_attempts(attempts: tuple[Attempt, ...], explanation: Explanation) -> Iterator[str]:
    head = explanation.line.split("\n", 1)[0]
    for attempt in attempts:
        place = click.style(str(attempt.location), dim=True)
        if attempt.is_skipped:
            yield f"  {attempt.rule}: not tried, its 'when' does not hold  {place}"
            continue
        if attempt.reach is None:
            yield f"  {attempt.rule}: the text is no such body  {place}"
            continue
        end = attempt.reach.end
        yield f"  {attempt.rule}, pattern {attempt.pattern}: matches {end} of {len(head)} characters  {place}"
        yield f"      matched            {click.style(_cut_left(escape(head[:end]), _VALUE_LIMIT), fg='green')}"
        yield f"      the line goes on   {escape(attempt.reach.found) or '(its end)'}"
        yield f"      the pattern wants  {click.style(escape(attempt.reach.wanted), fg='yellow')}"


def _show_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _cut_left(text: str, limit: int) -> str:
    return text if len(text) <= limit else "…" + text[-(limit - 1) :]

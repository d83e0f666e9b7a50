"""What only shows between rules: names used twice, missing or circular parents, fields that nothing gives."""

from collections.abc import Mapping, Sequence

from parsers.errors import Problem
from parsers.events.prepare import NEXT_LINE
from parsers.model import Location
from parsers.reading.read_nodes import suggest
from parsers.reading.read_rule import ReadRule

# What the record may bring along; see the line frame's context columns.
_CONTEXT_PREFIXES = (
    "agent.",
    "container.",
    "event.created",
    "event.timezone",
    "host.",
    "kafka.",
    "labels.",
    "log.file.",
    "log.offset",
    "service.",
    "tags",
)
_ALWAYS = frozenset(("message", "@timestamp", "event.original", NEXT_LINE))


def check_links(rules: Sequence[ReadRule], is_complete: bool) -> tuple[Problem, ...]:
    """Problems between `rules`, which are in the order in which they were read.

    `is_complete` False means that some rules could not be read, so that a missing parent proves nothing.
    """
    problems: list[Problem] = []
    first: dict[str, ReadRule] = {}
    for read in rules:
        name = read.rule.name
        if name in first:
            hint = f"the other is at {first[name].name}; rename one"
            problems.append(Problem(read.name, f"there are two rules named '{name}'", hint))
        first.setdefault(name, read)
    for read in rules:
        _check_parents(read, first, is_complete, problems)
    problems.extend(_find_cycles(first))
    for read in rules:
        brought = _find_brought(read, first)
        if brought is not None:
            _check_uses(read, brought, problems)
    return tuple(problems)


def _find_brought(read: ReadRule, rules: Mapping[str, ReadRule]) -> frozenset[str] | None:
    """The fields that a rule may have when its maps and types are applied, its parents' included.

    None when that cannot be known: a structured body, or a parent that is not there.
    """
    if read.gives is None:
        return None
    brought = _ALWAYS | read.gives
    waiting, seen = [read.rule], {read.rule.name}
    while waiting:
        for name in waiting.pop().after:
            parent = rules.get(name)
            if parent is None or parent.gives is None:
                return None
            if name not in seen:
                seen.add(name)
                waiting.append(parent.rule)
                brought |= parent.gives | {value_map.target for value_map in parent.rule.map}
    return brought


def _check_parents(
    read: ReadRule, rules: Mapping[str, ReadRule], is_complete: bool, problems: list[Problem]
) -> None:
    seen: set[str] = set()
    for parent, location in read.parents:
        if parent in seen:
            problems.append(Problem(location, f"'after' names '{parent}' twice", "remove one"))
        elif parent not in rules and is_complete:
            hint = suggest(parent, list(rules)) or "known rules are " + ", ".join(sorted(rules)[:12])
            problems.append(Problem(location, f"there is no rule '{parent}' to come after", hint))
        seen.add(parent)


def _find_cycles(rules: Mapping[str, ReadRule]) -> list[Problem]:
    """One problem a circle of `after`, at the place of its first rule's `after`."""
    problems: list[Problem] = []
    finished: set[str] = set()
    for start in rules:
        path: list[str] = []
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, index = stack.pop()
            del path[len(stack) :]
            path.append(name)
            parents = [parent for parent in rules[name].rule.after if parent in rules]
            if name in finished or index >= len(parents):
                finished.add(name)
                continue
            stack.append((name, index + 1))
            parent = parents[index]
            if parent in path:
                circle = [*path[path.index(parent) :], parent]
                problems.append(_describe_circle(rules[parent], circle))
                finished.update(circle)
            elif parent not in finished:
                stack.append((parent, 0))
    return problems


def _describe_circle(read: ReadRule, circle: list[str]) -> Problem:
    location = next((place for name, place in read.parents if name == circle[1]), read.name)
    if len(circle) == 2:
        return Problem(location, f"rule '{circle[0]}' comes after itself", "remove it from 'after'")
    return Problem(location, "rules go round in 'after': " + " > ".join(circle), "break the circle")


def _check_uses(read: ReadRule, brought: frozenset[str], problems: list[Problem]) -> None:
    """`brought`: all that the rule may have before its own maps."""
    rule = read.rule
    places = dict(read.keys)
    timestamp = rule.timestamp
    if timestamp is not None and timestamp.field not in brought and rule.patterns:
        hint = (
            suggest(timestamp.field, sorted(brought - _ALWAYS)) or f"capture it: (?P<{timestamp.field}>...)"
        )
        problems.append(Problem(timestamp.location, f"no pattern captures '{timestamp.field}'", hint))
    if rule.after and rule.field not in brought:
        message = f"'field' reads '{rule.field}', which no rule in 'after' captures"
        problems.append(_warn(message, places.get("field", read.name), rule.field, brought))
    mapped = brought
    for value_map in rule.map:
        # Maps run in order, so that one may read what an earlier one made.
        if not _may_exist(value_map.source, mapped):
            message = f"'map' reads '{value_map.source}', which nothing captures or sets"
            place = places.get(f"map:{value_map.target}", read.name)
            problems.append(_warn(message, place, value_map.source, mapped))
        mapped |= {value_map.target}
    for name in rule.types:
        if not _may_exist(name, mapped):
            message = f"'types' names '{name}', which nothing captures or sets"
            problems.append(_warn(message, places.get(f"types:{name}", read.name), name, mapped))


def _may_exist(name: str, given: frozenset[str]) -> bool:
    return name in given or name.startswith(_CONTEXT_PREFIXES)


def _warn(message: str, location: Location, name: str, given: frozenset[str]) -> Problem:
    return Problem(location, message, suggest(name, sorted(given - _ALWAYS)), "warning")

"""A directory of burst rules to values, with all that is wrong with any of them."""

from collections.abc import Collection, Iterator
from pathlib import Path

from parsers.burst_model import BurstRule
from parsers.errors import Problem, RuleError, is_error
from parsers.load import BURST_FOLDER, RULE_SUFFIXES, sort_problems
from parsers.model import Location
from parsers.reading.read_burst import read_burst_rule
from parsers.reading.read_nodes import suggest
from parsers.reading.yaml_nodes import Node, load_nodes, parse_nodes


def load_burst_rules(directory: Path) -> tuple[BurstRule, ...]:
    """The burst rules in `directory`, by file name, then order in the file; none is a valid number of them.

    `directory` is a folder called `bursts`, or one that holds rules and has such folders below it: only what lies in
    a folder of this name is a burst rule. A rules directory without one has no burst rules.

    Raises:
        RuleError: with every problem of every file, errors and warnings, when one of them is an error.
    """
    rules, problems = _read_directory(directory, None)
    if any(is_error(problem) for problem in problems):
        raise RuleError(sort_problems(problems))
    return rules


def check_burst_rules(
    directory: Path, parse_rules: Collection[str] | None = None
) -> tuple[tuple[BurstRule, ...], tuple[Problem, ...]]:
    """The burst rules that are sound, and all problems by place. Never raises.

    More than `load_burst_rules` asks for: a rule without tests is an error here. `parse_rules`: the names that the key
    `rules` may hold; None: any name is taken.
    """
    rules, problems = _read_directory(directory, parse_rules)
    for rule in rules:
        if not rule.tests:
            hint = "add 'tests:' with events and the bursts expected of them"
            problems.append(Problem(rule.location, f"burst rule '{rule.name}' has no tests", hint))
    return rules, sort_problems(problems)


def parse_burst_rules(text: str, file: str = "<bursts>") -> tuple[BurstRule, ...]:
    """The burst rules in a YAML text, for notebooks and tests; `file` is what messages call it.

    Raises:
        RuleError: with every problem, when one of them is an error.
    """
    nodes, found = parse_nodes(text, file)
    problems = list(found)
    rules = _read(nodes, problems, None)
    if any(is_error(problem) for problem in problems):
        raise RuleError(sort_problems(problems))
    return rules


def find_burst_files(directory: Path) -> tuple[Path, ...]:
    """The burst rule files in or below `directory`, in the order in which they are read."""
    root = directory.resolve().name
    found = (path for path in directory.rglob("*") if path.suffix in RULE_SUFFIXES and path.is_file())
    kept = (path for path in found if BURST_FOLDER in (root, *path.relative_to(directory).parts[:-1]))
    return tuple(sorted(path for path in kept if not path.name.startswith(".")))


def _read_directory(
    directory: Path, parse_rules: Collection[str] | None
) -> tuple[tuple[BurstRule, ...], list[Problem]]:
    if directory.exists() and not directory.is_dir():
        hint = "name the directory that holds the rule files"
        return (), [Problem(Location(str(directory)), "is not a directory", hint)]
    if not directory.is_dir() and not (directory.name == BURST_FOLDER and directory.parent.is_dir()):
        hint = "name a directory that holds rule files"
        return (), [Problem(Location(str(directory)), "there is no such directory", hint)]
    problems: list[Problem] = []
    nodes: list[Node] = []
    for file in find_burst_files(directory):
        found, wrong = load_nodes(file)
        problems.extend(wrong)
        if not found and not wrong:
            problems.append(
                Problem(Location(str(file)), "the file holds no burst rule", "remove it, or write one")
            )
        nodes.extend(found)
    return _read(nodes, problems, parse_rules), problems


def _read(
    nodes: Collection[Node], problems: list[Problem], parse_rules: Collection[str] | None
) -> tuple[BurstRule, ...]:
    rules: dict[str, BurstRule] = {}
    for node in nodes:
        rule, named = read_burst_rule(node, problems)
        if parse_rules is not None:
            problems.extend(_check_names(named.items(), parse_rules))
        if rule is None:
            continue
        if rule.name in rules:
            hint = f"it is also at {rules[rule.name].location}; rename one of them"
            problems.append(Problem(rule.location, f"duplicate burst rule '{rule.name}'", hint))
            continue
        rules[rule.name] = rule
    return tuple(rules.values())


def _check_names(named: Collection[tuple[str, Location]], parse_rules: Collection[str]) -> Iterator[Problem]:
    for name, location in named:
        if name not in parse_rules:
            hint = suggest(name, tuple(parse_rules)) or "`tailrace rules list` shows the names"
            yield Problem(location, f"there is no parse rule '{name}'", hint)

"""A directory of rule files to rules, with all that is wrong with any of them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from parsers.enrichments import ENRICH_FOLDER, TABLE_FOLDER, read_enrichment_files
from parsers.errors import Problem, RuleError, is_error
from parsers.events.masks.mask import check_mask_key
from parsers.model import NO_INSTALLATION, Installation, Location, Rule
from parsers.patterns.shards import DatabaseStore
from parsers.reading.check_links import check_links
from parsers.reading.read_files import (
    NOTHING_READ,
    ReadDirectory,
    TableDigests,
    attach_tables,
    read_rule_file,
)
from parsers.reading.read_rule import ReadRule, read_rule
from parsers.reading.yaml_nodes import parse_nodes
from parsers.ruleset import RuleSet, build_rule_set

RULE_SUFFIXES = (".yml", ".yaml")
BURST_FOLDER = "bursts"
NO_RULES = frozenset((BURST_FOLDER, ENRICH_FOLDER, TABLE_FOLDER))


def load_rules(directory: Path) -> tuple[Rule, ...]:
    """The rules of all `*.yml` and `*.yaml` files below `directory`, by file name, then order in the file.

    The folders `bursts`, `enrich` and `lookups` are left out: their files hold no rules.

    Raises:
        RuleError: with every problem of every file, errors and warnings, when one of them is an error.
    """
    return tuple(read.rule for read in _load(directory).reads)


def load_rule_set(
    directory: Path,
    default_timezone: str = "UTC",
    *,
    earlier: RuleSet | None = None,
    store: DatabaseStore | None = None,
    installation: Installation | None = None,
) -> RuleSet:
    """Loads and compiles a directory of rule files with its enrichments; see `build_rule_set` for the arguments.

    Of a directory that `earlier` was loaded from, only the files that have changed are read.
    `installation` None: that of `earlier`; without either none is known, as in tests and notebooks, and masks that
    hash do so without a key.

    Raises:
        RuleError: all mistakes of all files, each with file:line:column; a mask that hashes and has no key.
    """
    source = _load(directory, earlier)
    rules = tuple(read.rule for read in source.reads)
    if installation is None and earlier is not None:
        installation = earlier.installation
    if installation is not None:
        check_mask_key(rules, installation)
    built = build_rule_set(
        rules,
        default_timezone,
        earlier=earlier,
        store=store,
        enrichments=source.found_enrichments,
        installation=installation,
    )
    return replace(built, source=source)


def check_rules(
    directory: Path, earlier: RuleSet | None = None
) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """The rules that could be read, and all problems by place; patterns are compiled as well. Never raises.

    More than `load_rules` asks for: a rule without tests is an error here. What `earlier` has of the directory is not
    read or compiled again.
    """
    source, problems = _read_directory(directory, earlier)
    reads = source.reads
    problems += [*_build(reads, earlier), *_find_untested(reads)]
    return tuple(read.rule for read in reads), sort_problems(problems)


def check_loaded(rule_set: RuleSet) -> tuple[Problem, ...]:
    """The errors that `check_rules` finds in a directory from which `load_rule_set` gave `rule_set`, by place."""
    reads = rule_set.source.reads
    return sort_problems([*_build_joins([read.rule for read in reads]), *_find_untested(reads)])


def parse_rules(text: str, file: str = "<rules>", directory: Path = Path()) -> tuple[Rule, ...]:
    """The rules in a YAML text, for notebooks and tests; `file` is what messages call it.

    Tables of lookups lie relative to `directory`.

    Raises:
        RuleError: with every problem, when one of them is an error.
    """
    nodes, found = parse_nodes(text, file)
    problems = list(found)
    reads = [read for node in nodes if (read := read_rule(node, problems)) is not None]
    reads = [attach_tables(read, directory, problems) for read in reads]
    problems += check_links(reads, is_complete=len(reads) == len(nodes) and not found)
    if any(is_error(problem) for problem in problems):
        raise RuleError(sort_problems(problems + _build(reads)))
    return tuple(read.rule for read in reads)


def find_rule_files(directory: Path) -> tuple[Path, ...]:
    """The rule files below `directory` in the order in which they are read; empty when there are none."""
    found: list[Path] = []
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name not in NO_RULES and not name.startswith(".")]
        found += [Path(folder, name) for name in names if name.endswith(RULE_SUFFIXES) and name[0] != "."]
    return tuple(sorted(path for path in found if path.is_file()))


def sort_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """By file, line and column; a problem that is said twice of one place is kept once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.location))


def _load(directory: Path, earlier: RuleSet | None = None) -> ReadDirectory:
    source, problems = _read_directory(directory, earlier)
    if any(is_error(problem) for problem in problems):
        raise RuleError(sort_problems(problems + _build(source.reads, earlier)))
    return source


def _read_directory(directory: Path, earlier: RuleSet | None) -> tuple[ReadDirectory, list[Problem]]:
    place = Location(str(directory))
    if not directory.is_dir():
        if directory.exists():
            return NOTHING_READ, [
                Problem(place, "is not a directory", "name the directory that holds the rule files")
            ]
        return NOTHING_READ, [
            Problem(place, "there is no such directory", "name a directory that holds rule files")
        ]
    paths = find_rule_files(directory)
    if not paths:
        hint = "a rule file ends in .yml or .yaml"
        return NOTHING_READ, [Problem(place, "the directory holds no rule files", hint)]
    # Paths of tables, and what messages call a file, begin with the directory.
    known = earlier.source if earlier is not None and earlier.source.directory == directory else NOTHING_READ
    tables: TableDigests = {}
    files = {path: read_rule_file(path, directory, known.rules.get(path), tables) for path in paths}
    problems = [problem for file in files.values() for problem in file.problems]
    enrichments, wrong = read_enrichment_files(directory, known.enrichments, tables)
    source = ReadDirectory(directory, files, enrichments)
    problems += check_links(source.reads, all(file.is_complete for file in files.values()))
    return source, problems + wrong


def _find_untested(reads: Sequence[ReadRule]) -> list[Problem]:
    hint = "add 'tests:' with a line and what is expected of it"
    return [
        Problem(read.name, f"rule '{read.rule.name}' has no tests", hint)
        for read in reads
        if not read.rule.tests and "tests" not in dict(read.keys)
    ]


def _build(reads: Sequence[ReadRule], earlier: RuleSet | None = None) -> list[Problem]:
    """What the engines say of the rules that are sound, with all the rules they come after."""
    usable = _find_usable([read.rule for read in reads if read.is_sound])
    if not usable:
        return []
    problems: list[Problem] = []
    try:
        build_rule_set(usable, earlier=earlier, installation=NO_INSTALLATION)
    except RuleError as error:
        problems.extend(error.problems)
    return problems + _build_joins(usable)


def _build_joins(rules: Sequence[Rule]) -> list[Problem]:
    # The engines are heavy, and rule sets are made from loaded rules: importing them above would go round.
    from parsers.events.multiline import build_joins

    try:
        build_joins(rules)
    except RuleError as error:
        return list(error.problems)
    return []


def _find_usable(rules: Sequence[Rule]) -> list[Rule]:
    """The rules whose parents are all among `rules`, and do not go round; of two with one name, the first."""
    waiting = {rule.name: rule for rule in reversed(rules)}
    usable: set[str] = set()
    while ready := [name for name, rule in waiting.items() if usable.issuperset(rule.after)]:
        usable.update(ready)
        for name in ready:
            del waiting[name]
    by_name = {rule.name: rule for rule in reversed(rules)}
    return [rule for rule in rules if rule.name in usable and rule is by_name[rule.name]]

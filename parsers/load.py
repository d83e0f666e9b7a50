"""A directory of rule files to rules, with all that is wrong with any of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from parsers.enrichments import ENRICH_FOLDER, TABLE_FOLDER, load_enrichments, read_enrichments
from parsers.errors import Problem, RuleError, is_error
from parsers.events.masks.mask import check_mask_key
from parsers.model import Installation, Location, Rule
from parsers.patterns.shards import DatabaseStore
from parsers.reading.check_links import check_links
from parsers.reading.read_rule import ReadRule, read_rule
from parsers.reading.read_table import attach_table
from parsers.reading.yaml_nodes import load_nodes, parse_nodes
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
    reads, problems = _read_directory(directory)
    if any(is_error(problem) for problem in problems):
        raise RuleError(sort_problems(problems + _build(reads)))
    return tuple(read.rule for read in reads)


def load_rule_set(
    directory: Path,
    default_timezone: str = "UTC",
    *,
    earlier: RuleSet | None = None,
    store: DatabaseStore | None = None,
    installation: Installation | None = None,
) -> RuleSet:
    """Loads and compiles a directory of rule files with its enrichments; see `build_rule_set` for the arguments.

    `installation` None: that of `earlier`; without either none is known, as in tests and notebooks, and masks that
    hash do so without a key.

    Raises:
        RuleError: all mistakes of all files, each with file:line:column; a mask that hashes and has no key.
    """
    rules = load_rules(directory)
    if installation is None and earlier is not None:
        installation = earlier.installation
    if installation is not None:
        check_mask_key(rules, installation)
    return build_rule_set(
        rules,
        default_timezone,
        earlier=earlier,
        store=store,
        enrichments=load_enrichments(directory),
        installation=installation,
    )


def check_rules(directory: Path) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """The rules that could be read, and all problems by place; patterns are compiled as well. Never raises.

    More than `load_rules` asks for: a rule without tests is an error here.
    """
    reads, problems = _read_directory(directory)
    problems += _build(reads)
    for read in reads:
        if not read.rule.tests and "tests" not in dict(read.keys):
            hint = "add 'tests:' with a line and what is expected of it"
            problems.append(Problem(read.name, f"rule '{read.rule.name}' has no tests", hint))
    return tuple(read.rule for read in reads), sort_problems(problems)


def parse_rules(text: str, file: str = "<rules>", directory: Path = Path()) -> tuple[Rule, ...]:
    """The rules in a YAML text, for notebooks and tests; `file` is what messages call it.

    Tables of lookups lie relative to `directory`.

    Raises:
        RuleError: with every problem, when one of them is an error.
    """
    nodes, found = parse_nodes(text, file)
    problems = list(found)
    reads = _known(read_rule(node, problems) for node in nodes)
    reads = [_attach_tables(read, directory, problems) for read in reads]
    problems += check_links(reads, is_complete=len(reads) == len(nodes) and not found)
    if any(is_error(problem) for problem in problems):
        raise RuleError(sort_problems(problems + _build(reads)))
    return tuple(read.rule for read in reads)


def find_rule_files(directory: Path) -> tuple[Path, ...]:
    """The rule files below `directory` in the order in which they are read; empty when there are none."""
    found = (path for path in directory.rglob("*") if path.suffix in RULE_SUFFIXES and path.is_file())
    kept = (path for path in found if NO_RULES.isdisjoint(path.relative_to(directory).parts[:-1]))
    return tuple(sorted(path for path in kept if not path.name.startswith(".")))


def sort_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """By file, line and column; a problem that is said twice of one place is kept once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.location))


def _read_directory(directory: Path) -> tuple[list[ReadRule], list[Problem]]:
    place = Location(str(directory))
    if not directory.is_dir():
        if directory.exists():
            return [], [Problem(place, "is not a directory", "name the directory that holds the rule files")]
        return [], [Problem(place, "there is no such directory", "name a directory that holds rule files")]
    files = find_rule_files(directory)
    if not files:
        hint = "a rule file ends in .yml or .yaml"
        return [], [Problem(place, "the directory holds no rule files", hint)]
    problems: list[Problem] = []
    reads: list[ReadRule] = []
    is_complete = True
    for file in files:
        nodes, found = load_nodes(file)
        problems.extend(found)
        if not nodes and not found:
            problems.append(Problem(Location(str(file)), "the file holds no rule", "remove it, or write one"))
        here = _known(read_rule(node, problems) for node in nodes)
        reads.extend(_attach_tables(read, directory, problems) for read in here)
        is_complete = is_complete and len(here) == len(nodes) and not found
    problems.extend(check_links(reads, is_complete))
    problems.extend(read_enrichments(directory)[1])
    return reads, problems


def _attach_tables(read: ReadRule, directory: Path, problems: list[Problem]) -> ReadRule:
    if not read.rule.lookup:
        return read
    before = len(problems)
    lookups = tuple(attach_table(lookup, directory, problems) for lookup in read.rule.lookup)
    rule = replace(read.rule, lookup=lookups)
    return replace(read, rule=rule, is_sound=read.is_sound and len(problems) == before)


def _known(reads: Iterator[ReadRule | None]) -> list[ReadRule]:
    return [read for read in reads if read is not None]


def _build(reads: Sequence[ReadRule]) -> list[Problem]:
    """What the engines say of the rules that are sound, with all the rules they come after."""
    usable = _find_usable([read.rule for read in reads if read.is_sound])
    if not usable:
        return []
    # The engines are heavy, and rule sets are made from loaded rules: importing them above would go round.
    from parsers.events.multiline import build_joins

    problems: list[Problem] = []
    for build in (build_rule_set, build_joins):
        try:
            build(usable)
        except RuleError as error:
            problems.extend(error.problems)
    return problems


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

"""The enrichments of a rules directory: what is added to all events, whatever rule took them."""

from pathlib import Path

from parsers.errors import Problem, RuleError, is_error
from parsers.model import Enrichment, Location
from parsers.reading.read_enrich import read_enrichment
from parsers.reading.yaml_nodes import load_nodes

ENRICH_FOLDER = "enrich"
# Where YAML tables lie, which are no rules; CSV tables may lie anywhere.
TABLE_FOLDER = "lookups"
_SUFFIXES = (".yml", ".yaml")


def load_enrichments(directory: Path) -> tuple[Enrichment, ...]:
    """The enrichments in the folder `enrich` of a rules directory, by file name; none is a valid number of them.

    Raises:
        RuleError: with every problem of every file and table, when one of them is an error.
    """
    found, problems = read_enrichments(directory)
    if any(is_error(problem) for problem in problems):
        raise RuleError(problems)
    return found


def read_enrichments(directory: Path) -> tuple[tuple[Enrichment, ...], list[Problem]]:
    """The enrichments that are sound, and all problems. Never raises."""
    problems: list[Problem] = []
    found: dict[str, Enrichment] = {}
    for file in find_enrichment_files(directory):
        nodes, wrong = load_nodes(file)
        problems.extend(wrong)
        if len(nodes) != 1 and not wrong:
            what = "the file holds no enrichment" if not nodes else "the file holds more than one enrichment"
            problems.append(Problem(Location(str(file)), what, "write one document a file"))
        for node in nodes[:1]:
            read = read_enrichment(node, directory, problems)
            if read is None:
                continue
            if read.name in found:
                hint = f"the other is at {found[read.name].location}; rename one"
                problems.append(
                    Problem(read.location, f"there are two enrichments named '{read.name}'", hint)
                )
                continue
            found[read.name] = read
    return tuple(found.values()), problems


def find_enrichment_files(directory: Path) -> tuple[Path, ...]:
    """The files of the folder `enrich`, in the order in which they are read."""
    folder = directory / ENRICH_FOLDER
    found = (path for path in folder.glob("*") if path.suffix in _SUFFIXES and path.is_file())
    return tuple(sorted(path for path in found if not path.name.startswith(".")))

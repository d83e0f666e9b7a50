"""The enrichments of a rules directory: what is added to all events, whatever rule took them."""

from collections.abc import Mapping
from pathlib import Path

from parsers.errors import Problem
from parsers.model import Enrichment
from parsers.reading.read_files import ReadFile, TableDigests, read_enrichment_file

ENRICH_FOLDER = "enrich"
# Where YAML tables lie, which are no rules; CSV tables may lie anywhere.
TABLE_FOLDER = "lookups"
_SUFFIXES = (".yml", ".yaml")


def read_enrichment_files(
    directory: Path, known: Mapping[Path, ReadFile[Enrichment]], tables: TableDigests
) -> tuple[dict[Path, ReadFile[Enrichment]], list[Problem]]:
    """The files of the folder `enrich` of a rules directory, by name, and all that is wrong with them.

    None is a valid number of them. What of `known` still holds is not read again; for `tables` see `TableDigests`.
    """
    files = {
        path: read_enrichment_file(path, directory, known.get(path), tables)
        for path in find_enrichment_files(directory)
    }
    problems: list[Problem] = []
    first: dict[str, Enrichment] = {}
    for file in files.values():
        problems.extend(file.problems)
        for read in file.found:
            if read.name in first:
                hint = f"the other is at {first[read.name].location}; rename one"
                problems.append(
                    Problem(read.location, f"there are two enrichments named '{read.name}'", hint)
                )
            first.setdefault(read.name, read)
    return files, problems


def find_enrichment_files(directory: Path) -> tuple[Path, ...]:
    """The files of the folder `enrich`, in the order in which they are read."""
    folder = directory / ENRICH_FOLDER
    found = (path for path in folder.glob("*") if path.suffix in _SUFFIXES and path.is_file())
    return tuple(sorted(path for path in found if not path.name.startswith(".")))

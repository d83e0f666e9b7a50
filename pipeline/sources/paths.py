import glob
import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.sources.errors import SourceError

STDIN = "-"


def expand_paths(arguments: Iterable[str]) -> tuple[tuple[str, ...], tuple[SourceError, ...]]:
    """Turn what the user named into files: globs (`*`, `?`, `[a-z]`, `**`) into their matches, sorted by name.

    A path that exists is taken as it is, glob characters and all. A file that is named twice is read once, at its
    first place. `-` stands for standard input. Directories that a glob meets are passed over. Names that lead to no
    file come back as errors, one each.
    """
    paths: dict[str, str] = {}
    errors: list[SourceError] = []
    for argument in arguments:
        if argument == STDIN or Path(argument).exists() or not glob.has_magic(argument):
            paths.setdefault(to_full_path(argument), argument)
            continue
        matches = find_matches(argument)
        if not matches:
            errors.append(
                SourceError(argument, "no file matches this pattern; check the folder and the pattern")
            )
        for match in matches:
            paths.setdefault(to_full_path(match), match)
    return tuple(paths.values()), tuple(errors)


def find_matches(pattern: str) -> list[str]:
    """The files that a glob matches now, sorted by name."""
    # Path.glob takes no absolute patterns.
    return sorted(match for match in glob.glob(pattern, recursive=True) if not Path(match).is_dir())  # noqa: PTH207


def to_full_path(path: str) -> str:
    """The path that documents carry: from the root, links as they are named; `-` stays."""
    if path == STDIN:
        return path
    # Not resolve(): /var/log/app.log may be a link, and rules and users know the file by that name.
    return os.path.abspath(path)  # noqa: PTH100

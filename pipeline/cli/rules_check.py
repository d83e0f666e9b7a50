"""`tailrace rules check`: every mistake in rule files, with its place and how to mend it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from parsers.burst_model import BurstRule
    from parsers.model import Rule

DIRECTORY = click.argument("directory", required=False, metavar="[DIR]", type=click.Path(path_type=Path))


@dataclass(frozen=True, slots=True)
class Checked:
    """What a directory holds: the rules that could be read, and the number of errors told to the user."""

    rules: tuple["Rule", ...]
    bursts: tuple["BurstRule", ...]
    errors: int


@click.command()
@DIRECTORY
@click.pass_context
def check(context: click.Context, directory: Path | None) -> None:
    """Report every mistake in the rule files of DIR, with its place and how to mend it.

    Mistakes go to stderr, a summary to stdout. Exits with 1 when one of them is an error.
    """
    checked = check_directory(choose_directory(directory))
    context.exit(1 if checked.errors else 0)


def choose_directory(directory: Path | None) -> Path:
    """The directory named, else that of the rules that ship."""
    if directory is not None:
        return directory
    from parsers.shipped import shipped_rules_directory

    return shipped_rules_directory()


def check_directory(directory: Path) -> Checked:
    """Print all problems to stderr and the summary to stdout."""
    from parsers.bursts import check_burst_rules, find_burst_files
    from parsers.errors import is_error
    from parsers.load import BURST_FOLDER, check_rules, find_rule_files

    found, problems = check_rules(directory)
    files = len(find_rule_files(directory)) if directory.is_dir() else 0
    bursts: tuple[BurstRule, ...] = ()
    folder = directory / BURST_FOLDER
    if folder.is_dir():
        # Rules that could not be read would be called missing by the burst rules that name them.
        names = None if any(map(is_error, problems)) else {rule.name for rule in found}
        bursts, burst_problems = check_burst_rules(folder, names)
        files += len(find_burst_files(folder))
        problems = (*problems, *burst_problems)
    for problem in problems:
        click.echo(str(problem), err=True)
    errors = sum(map(is_error, problems))
    parts = [count(files, "file"), count(len(found), "rule")]
    if bursts:
        parts.append(count(len(bursts), "burst rule"))
    parts.append(count(errors, "error"))
    if len(problems) > errors:
        parts.append(count(len(problems) - errors, "warning"))
    click.echo(", ".join(parts))
    return Checked(found, bursts, errors)


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 rule`, `2 rules`, `3 map entries`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"

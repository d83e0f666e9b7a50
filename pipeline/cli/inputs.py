import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pipeline.local import Engine, Limits
    from pipeline.settings import Settings
    from pipeline.sources.errors import SourceError

Command = TypeVar("Command", bound=Callable[..., Any])


def input_options(command: Command) -> Command:
    """Add FILE…, --rules, --timezone and --config: what all commands that read log files have in common."""
    for decorate in (
        click.argument("files", nargs=-1, metavar="[FILE]..."),
        click.option(
            "--rules", type=click.Path(path_type=Path), help="Directory of rules instead of those that ship."
        ),
        click.option(
            "--timezone", help="Zone of times that name none: an IANA name or an offset. [default: UTC]"
        ),
        click.option("--config", type=click.Path(path_type=Path), help="Settings file (YAML)."),
    ):
        command = decorate(command)
    return command


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a command reads, with what. `errors`: names that lead to no file; `rules`: the directory they came from."""

    settings: "Settings"
    paths: tuple[str, ...]
    errors: "tuple[SourceError, ...]"
    engine: "Engine"
    limits: "Limits"
    rules: Path
    timezone: str


def load_inputs(
    files: Sequence[str], rules: Path | None, timezone: str | None, config: Path | None
) -> Inputs:
    """Find the files (none named: stdin, unless it is a terminal) and load the engine that the settings describe."""
    if not files and sys.stdin.isatty():
        raise click.UsageError(
            "name a FILE, or pipe lines in; - stands for standard input", click.get_current_context()
        )
    settings = load_local_settings(config)
    from parsers.shipped import shipped_rules_directory
    from pipeline.local import Limits, load_engine
    from pipeline.rule_store import open_store
    from pipeline.settings import to_installation
    from pipeline.sources.blocks import BLOCK_BYTES
    from pipeline.sources.paths import expand_paths
    from pipeline.user_stages import load_user_stages

    zone = check_timezone(timezone) if timezone else settings.rules.default_timezone
    paths, errors = expand_paths(files or ("-",))
    try:
        stages = load_user_stages(settings.stages)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    directory = rules or settings.rules.directory or shipped_rules_directory()
    engine = load_engine(
        directory,
        zone,
        stages,
        settings.elasticsearch.namespace,
        open_store(os.environ),
        to_installation(settings),
    )
    limits = Limits(BLOCK_BYTES, settings.input.max_line_bytes)
    return Inputs(settings, paths, errors, engine, limits, directory, zone)


@contextmanager
def told_failures() -> Iterator[None]:
    """Word the failures of a run that the user can mend, without a traceback; the exit code is 1."""
    from pipeline.flow import StageError
    from pipeline.sinks.journal import JournalError
    from pipeline.sinks.segments import StoreError
    from pipeline.sources.positions import PositionsError

    try:
        yield
    except (StageError, StoreError, JournalError, PositionsError) as error:
        raise click.ClickException(str(error)) from error


def load_local_settings(config: Path | None) -> "Settings":
    """Read the settings file and the environment."""
    from pipeline.settings import load_settings

    return load_settings(config, os.environ)


def check_timezone(name: str) -> str:
    """The name, if it is one of a zone; else a usage error."""
    from parsers.events.times.zone_names import is_zone

    if not is_zone(name):
        raise click.BadParameter(
            f"{name!r} is no IANA zone or offset; write Europe/Berlin or +02:00", param_hint="--timezone"
        )
    return name

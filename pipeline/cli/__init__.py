"""The `tailrace` command: a table of commands, each loaded only when it is called.

The table holds the help lines too, so that `tailrace --help` imports nothing but click.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import click

INTERRUPTED = 130  # 128 + SIGINT, as the shell reports it


# Errors whose text says what, where, and how to mend it.
TOLD_AS_THEY_ARE = ("parsers.errors:RuleError", "pipeline.settings.load:SettingsError")


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of the table: where it lives, as `module:attribute`, and its line in the help."""

    target: str
    help: str


COMMANDS = {
    "demo": Entry("pipeline.cli.demo:demo", "Make a few minutes of logs, find the bursts hidden in them."),
    "run": Entry("pipeline.cli.run:run", "Read files or stdin into the local store: events and bursts."),
    "parse": Entry("pipeline.cli.parse:parse", "Print one JSON document for each event of files or stdin."),
    "bursts": Entry("pipeline.cli.bursts:bursts", "Print the bursts in files or stdin, one a line."),
    "search": Entry("pipeline.cli.search:search", "Search the local store."),
    "worker": Entry("pipeline.cli.worker:worker", "Run the agents parse, burst and index on Kafka."),
    "setup": Entry("pipeline.cli.setup:setup", "Make the Kafka topics and the Elasticsearch templates."),
    "rules": Entry("pipeline.cli.rules:rules", "Check and test rule files."),
    "bench": Entry(
        "pipeline.cli.bench:bench", "Measure how fast your own logs are parsed, and by which rules."
    ),
    "config": Entry("pipeline.cli.config:config", "Print the settings in force and where each came from."),
}


class LazyGroup(click.Group):
    """A click group whose commands come from a table and are imported on first use."""

    def __init__(self, entries: dict[str, Entry], **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]  # click's own keyword arguments, passed on
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the table: the one to try first comes first."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None for a name that the table does not hold."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help's list of commands from the table, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])


def print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the installed distribution's version and end."""
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version  # 20 ms that only --version should pay

    click.echo(f"tailrace {version('tailrace')}")
    ctx.exit()


tailrace = LazyGroup(
    COMMANDS,
    name="tailrace",
    help="Turn raw log lines into ECS documents and error bursts: on files, or on Kafka and Elasticsearch.",
    epilog="Try `tailrace demo` first. `tailrace COMMAND --help` explains a command.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=print_version,
            help="Show the version and exit.",
        )
    ],
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a failure told in one message, 2 wrong usage, 130 Ctrl-C.

    Errors that a user can mend (rules, settings, files, unreachable servers) are printed without a traceback.
    Anything else is a defect and keeps its traceback.
    """
    try:
        result = tailrace.main(
            args=None if arguments is None else list(arguments), prog_name="tailrace", standalone_mode=False
        )
        sys.stdout.flush()  # here, where a reader that has gone can still be handled
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)  # leaves the line on which the terminal wrote ^C
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout once more at exit and would report the same error then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)  # as click ends when the reader has gone earlier
    except Exception as error:
        message = explain_error(error)
        if message is None:
            raise
        click.echo(message, err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


def explain_error(error: Exception) -> str | None:
    """Word an error that the user can mend; None for one that is a defect of the program."""
    if any(isinstance(error, known) for known in find_imported(TOLD_AS_THEY_ARE)):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"tailrace: {where}{error.strerror or error}"
    return None


def find_imported(names: Sequence[str]) -> list[type]:
    """Find classes by `module:name`, but for modules not imported: nothing can have raised theirs."""
    pairs = [name.partition(":")[::2] for name in names]
    return [getattr(sys.modules[module], name) for module, name in pairs if module in sys.modules]

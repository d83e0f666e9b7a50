import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.demo.scenario import Scenario

LINES = 300_000
MOST_LINES = 5_000_000


@click.command()
@click.option("--seed", type=click.IntRange(min=0), default=1, help="Other seed, other logs. [default: 1]")
@click.option(
    "--lines",
    type=click.IntRange(1_000, MOST_LINES),
    default=LINES,
    help=f"About how many. [default: {LINES:,}]",
)
@click.option(
    "--write",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the logs go. [default: a new temporary directory]",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True, max=100_000),
    help="With --write: only write, so many lines a second with today's times, until Ctrl-C or SIGTERM.",
)
@click.pass_context
def demo(context: click.Context, seed: int, lines: int, directory: Path | None, rate: float | None) -> None:
    """Make a few minutes of logs of several programs, hide two bursts of errors in them, and find them.

    Exits with 1 if the bursts found are not exactly those hidden.
    """
    from pipeline.demo.folder import FolderError, prepare_folder

    if rate is not None and directory is None:
        raise click.UsageError("--rate wants --write DIR: the directory to write to", context)
    folder = directory or Path(tempfile.mkdtemp(prefix="tailrace-demo-"))
    try:
        store = prepare_folder(folder)
    except FolderError as error:
        raise click.ClickException(str(error)) from error
    if rate is not None:
        _write_on(folder, rate, seed)
        return
    from pipeline.demo.scenario import build_scenario

    context.exit(0 if _run(build_scenario(seed, lines), folder, store) else 1)


def _run(scenario: "Scenario", folder: Path, store: Path) -> bool:
    from pipeline.cli.inputs import told_failures
    from pipeline.cli.progress import open_console
    from pipeline.demo.scenario import write_scenario
    from pipeline.demo.summary import format_bursts, format_commands, format_figures, format_sources
    from pipeline.demo.verdict import find_differences
    from pipeline.local import Tally, load_engine, run_files
    from pipeline.sinks.store import StoreWriter
    from pipeline.stages.burst_document import merge_adjacent

    paths = write_scenario(scenario, folder)
    engine = load_engine()
    with open_console(paths) as console, told_failures():
        tally = Tally()
        bursts = run_files(engine, paths, console, tally, time.time_ns() // 1_000_000, StoreWriter(store))
        summary = tally.to_summary(bursts.height)
    episodes = merge_adjacent(bursts)
    differences = find_differences(scenario.hidden, episodes)
    encoding = (sys.stdout.encoding or "").lower()
    echo_section(None, format_figures(summary).splitlines())
    echo_section("Events by log source (logarithmic)", format_sources(summary, is_unicode="utf" in encoding))
    echo_section("Bursts (UTC)", format_bursts(episodes) or ["none"])
    if differences:
        echo_section("These are not the bursts that were hidden", differences)
    else:
        echo_section(
            None, [click.style(f"Exactly the {len(scenario.hidden)} bursts that were hidden.", fg="green")]
        )
    echo_section("Try", format_commands(list_commands(folder, store)))
    return not differences


def echo_section(title: str | None, lines: list[str]) -> None:
    """Print a paragraph, indented below its title if it has one."""
    click.echo()
    if title is not None:
        click.echo(click.style(title, bold=True))
    for line in lines:
        click.echo(line if title is None else f"  {line}")


def list_commands(folder: Path, store: Path) -> list[tuple[str, str]]:
    """What a person may try next, with the paths of this run."""
    program = find_program()
    return [
        (
            f"{program} search 'log.level:error \"pool exhausted\"' --store {store}",
            "what happened in the shop",
        ),
        (f"{program} parse {folder / 'app' / 'shop.log'} | head -n 1", "the document that a line becomes"),
        (f"{program} run /var/log/*.log", "the same with logs of your own"),
        (f"{program} rules test", "the rules, each with its tests"),
    ]


def find_program() -> str:
    """How to call tailrace from here: by its name where that is on the PATH, else by the path it was called by."""
    called = Path(sys.argv[0])
    is_installed = called.name == "tailrace" and called.is_file() and shutil.which("tailrace") is None
    return os.path.relpath(called) if is_installed else "tailrace"


def _write_on(folder: Path, rate: float, seed: int) -> None:
    from random import Random

    from pipeline.demo.live import append_lines

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    click.echo(f"Writing {rate:,g} lines a second to {folder} until Ctrl-C or SIGTERM.", err=True)
    written = append_lines(folder, rate, Random(seed), lambda: time.time_ns() // 1_000_000, stopping.wait)
    click.echo(f"{written:,} events written.", err=True)

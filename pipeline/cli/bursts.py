import sys
import time
from pathlib import Path

import click

from pipeline.cli.inputs import input_options, load_inputs, told_failures


@click.command()
@input_options
@click.pass_context
def bursts(
    context: click.Context,
    files: tuple[str, ...],
    rules: Path | None,
    timezone: str | None,
    config: Path | None,
) -> None:
    """Print the bursts in FILE... or stdin as JSON documents, one a line.

    All input is read first and counted in event time, whatever its order. Bursts are ordered by window start, then
    rule, then group. Exits with 1 when a file cannot be read.
    """
    inputs = load_inputs(files, rules, timezone, config)
    from pipeline.cli.progress import open_console
    from pipeline.local import Tally, run_files

    now = time.time_ns() // 1_000_000
    with open_console(inputs.paths, inputs.errors) as console, told_failures():
        found = run_files(inputs.engine, inputs.paths, console, Tally(), now, limits=inputs.limits)
    if found.height:
        sys.stdout.buffer.write(found["document"].str.join("\n")[0].encode() + b"\n")
    context.exit(1 if console.has_failed else 0)

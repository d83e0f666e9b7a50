import sys
import time
from pathlib import Path

import click

from pipeline.cli.inputs import input_options, load_inputs, told_failures

# Documents that are put together at once: tens of megabytes would come from fresh pages, whose faults cost as much as
# parsing does.
_PIECE = 2_000


@click.command()
@input_options
@click.pass_context
def parse(
    context: click.Context,
    files: tuple[str, ...],
    rules: Path | None,
    timezone: str | None,
    config: Path | None,
) -> None:
    """Print one JSON document for each event of FILE... or stdin, in the order of the input.

    An event is a line, together with its continuation lines where a rule says so. Every byte of the input is part of
    exactly one event: what no rule knows comes out whole in `message`, with the tag _unparsed. FILE may be a glob, a
    file compressed with gzip, zstd, bzip2 or xz, or - for stdin. Exits with 1 when a file cannot be read.
    """
    inputs = load_inputs(files, rules, timezone, config)
    from pipeline.cli.progress import open_console
    from pipeline.local import Tally, parse_files

    now = time.time_ns() // 1_000_000
    output = sys.stdout.buffer
    # A bar would fight with documents for the terminal's lines.
    shown = () if sys.stdout.isatty() else inputs.paths
    with open_console(shown, inputs.errors) as console, told_failures():
        for documents in parse_files(inputs.engine, inputs.paths, console, Tally(), now, inputs.limits):
            for part in documents.to_frame().iter_slices(_PIECE):
                output.write(part.to_series().str.join("\n")[0].encode() + b"\n")
            output.flush()
    context.exit(1 if console.has_failed else 0)

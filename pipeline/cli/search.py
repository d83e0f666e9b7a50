import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

_COLORS = {
    "emergency": "red", "alert": "red", "critical": "red", "fatal": "red", "error": "red",
    "warning": "yellow", "warn": "yellow", "debug": "bright_black", "trace": "bright_black",
}  # fmt: skip
# Control characters of a log line would move the terminal's cursor, or worse.
_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x09}


@click.command()
@click.argument("query", nargs=-1)
@click.option("--since", help="Only events at or after this time: an age (15m, 1h, 2d) or an ISO 8601 time.")
@click.option("--until", help="Only events before this time.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Newest events to show; 0: all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print whole ECS documents, one a line.")
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="The store to search. [default: tailrace-store]",
)
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (YAML).")
def search(
    query: tuple[str, ...],
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
    store: Path | None,
    config: Path | None,
) -> None:
    r"""Search the local store, and print the newest events found, oldest first.

    QUERY is words that must all hold: field:value, field:val*, field:>=400, field:* for any value; "a phrase" and bare
    words are looked for in the text. A minus or NOT excludes, OR and parentheses combine. Case does not matter.

    \b
      tailrace search 'log.level:error host.name:web-1 "timed out"' --since 1h
      tailrace search 'http.response.status_code:>=500 -url.path:/health*'
      tailrace search '(sshd OR sudo) user.name:root' --json
    """
    from pipeline.search_query import QueryError, parse_query

    try:
        tree = parse_query(" ".join(query))
    except QueryError as error:
        raise click.UsageError(str(error), click.get_current_context()) from error
    from pipeline.cli.inputs import load_local_settings
    from pipeline.search import search_store
    from pipeline.sinks.segments import StoreError

    now = time.time_ns() // 1_000_000
    directory = store or load_local_settings(config).store.directory
    try:
        found = search_store(
            directory,
            tree,
            since=_read_time(since, "--since", now),
            until=_read_time(until, "--until", now),
            limit=limit or None,
            with_documents=as_json,
        )
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    _print(found, as_json=as_json)
    if not found.height:
        click.echo("No event matches.", err=True)
    elif limit and found.height == limit:
        click.echo(f"These are the newest {limit}; --limit shows more.", err=True)


def _read_time(text: str | None, option: str, now: int) -> int | None:
    from pipeline.search import parse_time

    if text is None:
        return None
    try:
        return parse_time(text, now)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def _print(found: "pl.DataFrame", *, as_json: bool) -> None:
    output = sys.stdout.buffer
    if as_json:
        for part in found.iter_slices(10_000):
            output.write(part["document"].str.join("\n")[0].encode() + b"\n")
        return
    is_colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    columns = ("@timestamp", "host.name", "event.dataset", "log.level", "message")
    for moment, host, dataset, level, message in found.select(columns).iter_rows():
        output.write(
            (format_event(moment, host, dataset, level, message, is_colored=is_colored) + "\n").encode()
        )


def format_event(
    moment: "datetime",
    host: str | None,
    dataset: str | None,
    level: str | None,
    message: str | None,
    *,
    is_colored: bool,
) -> str:
    """One line for a person: time, host, dataset, level and the message's first line; `-` for what is missing."""
    lines = (message or "").split("\n")
    text = lines[0].translate(_CONTROL)
    if len(lines) > 1:
        text += f" [+{len(lines) - 1} lines]"
    shown = (level or "-").translate(_CONTROL)
    if is_colored and shown in _COLORS:
        shown = click.style(shown, fg=_COLORS[shown])
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return " ".join(
        (stamp, (host or "-").translate(_CONTROL), (dataset or "-").translate(_CONTROL), shown, text)
    )

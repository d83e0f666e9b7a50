"""`tailrace rules explain`: why a line parses as it does, or why it does not."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.rules_check import choose_directory

if TYPE_CHECKING:
    import polars as pl

    from parsers.ruleset import RuleSet


@click.command()
@click.argument("line", metavar="LINE|FILE|-")
@click.option(
    "--rules", type=click.Path(path_type=Path), help="Directory of rules instead of those that ship."
)
@click.option(
    "--with",
    "context",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What the record brings along, such as log.file.path=/var/log/syslog; may be repeated.",
)
@click.option(
    "--time", metavar="ISO8601", help="The record's own time. [default: now, or the file's last change]"
)
@click.option("--timezone", default="UTC", show_default=True, help="Zone of times that name none.")
@click.option("--limit", default=10, show_default=True, help="Of a file, explain so many unparsed events.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Show every pattern that was tried, and parsed events of a file.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object an event.")
def explain(
    line: str,
    rules: Path | None,
    context: tuple[str, ...],
    time: str | None,
    timezone: str,
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Say which rules were tried on LINE, how far it got into each, which one won, and where each field comes from.

    For an unparsed line the nearest patterns are shown: how much of each matched, and what came next in the pattern and
    in the line. With a FILE (or - for stdin) its unparsed events are explained.
    """
    from parsers.explain.explain import explain_event
    from parsers.load import load_rule_set
    from pipeline.cli.explanation import to_json, write_explanation
    from pipeline.cli.inputs import check_timezone
    from pipeline.rule_store import open_store

    rule_set = load_rule_set(choose_directory(rules), check_timezone(timezone), store=open_store(os.environ))
    fields = _read_context(context)
    is_file = line == "-" or Path(line).is_file()
    events = _read_events(line, rule_set, everything) if is_file else iter([_to_frame(line, time)])
    shown = 0
    for event in islice(events, limit if is_file else 1):
        known = event.with_columns(**fields)
        explanation = explain_event(rule_set, known)
        shown += 1
        click.echo(to_json(explanation) if as_json else write_explanation(explanation, everything=everything))
    if is_file and not shown and not as_json:
        click.echo("Every event of the input is parsed by a rule.")


def _read_context(context: tuple[str, ...]) -> dict[str, "pl.Expr"]:
    import polars as pl

    fields = {}
    for pair in context:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is not FIELD=VALUE", param_hint="--with")
        fields[name] = pl.lit(value)
    return fields


def _to_frame(line: str, time: str | None) -> "pl.DataFrame":
    from datetime import UTC, datetime

    import polars as pl

    try:
        moment = datetime.fromisoformat(time) if time else datetime.now(UTC)
    except ValueError:
        raise click.BadParameter(f"{time!r} is no ISO 8601 time", param_hint="--time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return pl.DataFrame(
        {"event.original": [line], "_time": [round(moment.timestamp() * 1000)]},
        schema={"event.original": pl.String, "_time": pl.Int64},
    )


def _read_events(path: str, rule_set: "RuleSet", everything: bool) -> Iterator["pl.DataFrame"]:
    """The events of a file one by one; without `everything` only those that no rule takes."""
    from time import time_ns

    from pipeline.cli.progress import open_console
    from pipeline.local import Tally, build_engine, read_batches
    from pipeline.sources.events import ORIGIN

    joiner = build_engine(rule_set).joiner
    with open_console(()) as console:
        for batch in read_batches(joiner, [path], console, Tally(), time_ns() // 1_000_000):
            lines = batch.drop(ORIGIN, "_size")
            blocks = rule_set.parse(lines).blocks
            wanted = [block.frame["_row"] for block in blocks if everything or block.rule is None]
            for row in sorted(row for rows in wanted for row in rows):
                yield lines[row]

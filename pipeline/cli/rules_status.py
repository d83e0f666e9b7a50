"""`tailrace rules status`: what the running processes have in force."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.config import config_option, read_settings

if TYPE_CHECKING:
    from pipeline.reload.status import RuleStatus

_SHOWN = 10


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a process.")
@click.pass_context
def status(context: click.Context, config_file: Path | None, as_json: bool) -> None:
    """Show the rules that each worker and `run --follow` on this machine has in force, and how their last reload went.

    Exits with 1 when a process has refused the rules that lie in its directory now.
    """
    settings = read_settings(config_file)
    from pipeline.reload.status import choose_folder, read_statuses

    found = list(read_statuses(settings.rules.status_directory or choose_folder(os.environ)))
    for one in found:
        click.echo(
            json.dumps(asdict(one), ensure_ascii=False) if as_json else "\n".join(write_status_lines(one))
        )
    if not found and not as_json:
        click.echo("No worker and no `tailrace run --follow` runs on this machine.")
    context.exit(1 if any(one.outcome == "refused" for one in found) else 0)


def write_status_lines(status: "RuleStatus") -> Iterator[str]:
    """The status of one process for people."""
    yield f"{status.program} (pid {status.pid}), rules of {status.directory}"
    yield f"  in force   {status.hash}, {status.rules} rules, since {status.since}"
    if status.outcome == "refused":
        yield click.style(f"  refused    the rules as changed, at {status.judged}:", fg="red")
        yield from (f"    {line}" for reason in status.reasons for line in reason.splitlines())
    elif status.outcome:
        yield f"  last reload  {status.outcome} at {status.judged}, judged in {status.seconds:.1f} s"
    yield f"  reloads    {status.reloads} accepted, {status.refusals} refused"
    total = sum(status.events.values())
    if total:
        unparsed = status.events.get("", 0)
        yield f"  events     {total:,}, {1 - unparsed / total:.1%} parsed"
        for rule, count in list((name, count) for name, count in status.events.items() if name)[:_SHOWN]:
            yield f"    {rule:30} {count:>12,}"
    for rule, count in status.experimental.items():
        yield f"  experimental {rule} would take {count:,} events"
    for rule, reason in status.quarantined.items():
        yield click.style(f"  quarantined {rule}: {reason}", fg="red")

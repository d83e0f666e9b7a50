"""`tailrace setup`: topics, templates and the bursts index."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.config import config_option, read_settings

if TYPE_CHECKING:
    from pipeline.sinks.setup_step import Step


@click.command()
@config_option
@click.option(
    "--only", type=click.Choice(["kafka", "elasticsearch"]), help="Set up one of the two servers only."
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="How long a server may take to answer for the first time.",
)
def setup(config_file: Path | None, only: str | None, wait: float) -> None:
    """Make the Kafka topics and the Elasticsearch templates; running it twice changes nothing.

    What exists already is compared. Topics that exist are never changed: where they differ from the settings,
    the command that would mend them is shown.
    """
    settings = read_settings(config_file)
    import asyncio

    from pipeline.logs import configure_logs
    from pipeline.settings import list_secrets
    from pipeline.setup import Server, set_up
    from pipeline.sinks.setup_step import SetupError

    configure_logs(settings.log.level, json=settings.log.json, secrets=list_secrets(settings))
    servers: tuple[Server, ...] = ("kafka", "elasticsearch")
    if only is not None:
        servers = tuple(server for server in servers if server == only)
    try:
        steps = asyncio.run(set_up(settings, servers, wait=wait))
    except SetupError as error:
        raise click.ClickException(str(error)) from error
    click.echo(render_steps(steps), nl=False)


def render_steps(steps: "tuple[Step, ...]") -> str:
    """One line a step: what it is, its name, what was done; below it what there is to say."""
    width = max((len(f"{step.what} {step.name}") for step in steps), default=0)
    lines: list[str] = []
    for step in steps:
        lines.append(f"{f'{step.what} {step.name}':<{width}}  {step.outcome}")
        lines.extend(f"    {note}" for note in step.note.splitlines())
    return "".join(f"{line}\n" for line in lines)

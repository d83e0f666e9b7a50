"""`tailrace worker`: run the agents on Kafka."""

from dataclasses import replace
from pathlib import Path

import click

from pipeline.allocators import spare_memory
from pipeline.cli.config import config_option, read_settings

STAGES = ("parse", "burst", "index")


def parse_stages(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    """Read `parse,index`; None if the option was not given."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'} is no stage: use some of {', '.join(STAGES)}"
        )
    return names


@click.command()
@config_option
@click.option(
    "--stages",
    metavar="NAMES",
    callback=parse_stages,
    help="Which agents to run, with commas. [default: worker.stages of the settings, which is parse,burst,index]",
)
@click.option(
    "--rules", type=click.Path(path_type=Path), help="Directory of rules instead of those of the settings."
)
def worker(config_file: Path | None, stages: tuple[str, ...] | None, rules: Path | None) -> None:
    """Run the agents parse, burst and index on Kafka until SIGTERM or Ctrl-C.

    Start as many as you like, on any number of machines: workers of one group (kafka.group) share the partitions.
    An unreachable Kafka or Elasticsearch is waited for. `tailrace setup` makes the topics and templates.
    """
    spare_memory()  # before Polars is imported
    settings = read_settings(config_file)
    if rules is not None:
        settings = replace(settings, rules=replace(settings.rules, directory=rules))
    import asyncio

    from parsers.events.masks.mask import build_masker
    from pipeline.logs import configure_logs
    from pipeline.settings import list_secrets, to_installation
    from pipeline.worker import run_worker

    masker = build_masker((), to_installation(settings))
    configure_logs(
        settings.log.level,
        json=settings.log.json,
        secrets=list_secrets(settings),
        mask=masker.mask_text if masker is not None else None,
    )
    asyncio.run(run_worker(settings, stages))

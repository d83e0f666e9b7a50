"""`tailrace worker`: run the agents on Kafka."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.allocators import spare_memory
from pipeline.cli.config import config_option, read_settings

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.supervisor import Plan

STAGES = ("parse", "burst", "index")
AUTO = 0
# What a worker needs after its drain to leave Kafka and end; the rest of the 10 s after SIGTERM.
_LEAVING = 1.8


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


def parse_processes(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Read a number of processes, AUTO for `auto`; None if the option was not given."""
    if text is None or text.strip().lower() == "auto":
        return None if text is None else AUTO
    if not text.strip().isdecimal():
        raise click.BadParameter(f"{text!r} is neither a whole number nor auto")
    return int(text)


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
@click.option(
    "--processes",
    metavar="N",
    callback=parse_processes,
    help="How many processes share the work; auto: one for each core. [default: worker.processes, which is 1]",
)
@click.option("--number", type=click.IntRange(min=1), hidden=True)
def worker(
    config_file: Path | None,
    stages: tuple[str, ...] | None,
    rules: Path | None,
    processes: int | None,
    number: int | None,
) -> None:
    """Run the agents parse, burst and index on Kafka until SIGTERM or Ctrl-C.

    Start as many as you like, on any number of machines, or with --processes several at once: workers of one group
    (kafka.group) share the partitions. An unreachable Kafka or Elasticsearch is waited for. `tailrace setup` makes the
    topics and templates.
    """
    environ = dict(os.environ)
    spare_memory()  # before Polars is imported
    settings = read_settings(config_file)
    if rules is not None:
        settings = replace(settings, rules=replace(settings.rules, directory=rules))
    wanted = settings.worker.processes if processes is None else processes
    if number is None and wanted != 1:
        from pipeline.supervise import become_supervisor

        become_supervisor(plan_workers(settings, wanted, config_file, stages, rules), environ)
    _run(settings, stages, number)


def plan_workers(
    settings: "Settings",
    processes: int,
    config_file: Path | None,
    stages: tuple[str, ...] | None,
    rules: Path | None,
) -> "Plan":
    """What a supervisor is to run: this very command so many times (AUTO: once for each core)."""
    from pipeline.cores import count_cores
    from pipeline.supervise import choose_flags
    from pipeline.supervisor import Plan

    cores = count_cores()
    count = processes or cores
    command = [sys.executable, *choose_flags(), "-m", "pipeline", "worker"]
    command += [] if config_file is None else ["--config", str(config_file)]
    command += [] if stages is None else ["--stages", ",".join(stages)]
    command += [] if rules is None else ["--rules", str(rules)]
    return Plan(
        tuple(command),
        count,
        threads=max(1, cores // count),
        grace=settings.worker.drain + _LEAVING,
        log_level=settings.log.level,
        log_json=settings.log.json,
    )


def _run(settings: "Settings", stages: tuple[str, ...] | None, number: int | None) -> None:
    """Run the agents in this process; `number`: as one of several, with their supervisor at our standard input."""
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
        node="" if number is None else f"worker-{number}",
    )
    port = settings.metrics.port
    if number is not None and port is not None:
        settings = replace(settings, metrics=replace(settings.metrics, port=port + number - 1))
    asyncio.run(run_worker(settings, stages, life_line=None if number is None else sys.stdin.fileno()))

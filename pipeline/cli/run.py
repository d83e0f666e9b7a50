import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.allocators import keep_memory
from pipeline.cli.inputs import Inputs, input_options, load_inputs, told_failures

if TYPE_CHECKING:
    import polars as pl

    from pipeline.live import Live
    from pipeline.local import Crew, Engine, Summary
    from pipeline.reload.seen import Seen
    from pipeline.reload.watcher import RuleWatcher

_SHOWN = 10
# To start processes and load their rules costs as much as some seconds of work.
_LARGE_BYTES = 64 * 1024 * 1024


@click.command()
@input_options
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where events and bursts are kept. [default: tailrace-store]",
)
@click.option("--follow", is_flag=True, help="Go on with what is appended, until Ctrl-C or SIGTERM.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many processes parse. [default: one for each core if the files are large]",
)
@click.pass_context
def run(
    context: click.Context,
    files: tuple[str, ...],
    rules: Path | None,
    timezone: str | None,
    config: Path | None,
    store: Path | None,
    follow: bool,
    processes: int | None,
) -> None:
    """Read FILE... or stdin into the local store: parsed events, and the bursts found in them.

    FILE may be a glob, a file compressed with gzip, zstd, bzip2 or xz, or - for stdin. Reading a file again stores
    each of its events once. With --follow, files are read on as they grow, through rotation and truncation; what was
    read is remembered in the store. Exits with 1 when a file cannot be read.
    """
    if follow:
        if processes is not None and processes > 1:
            raise click.UsageError("--follow works in one process; leave --processes out", context)
        inputs = load_inputs(files, rules, timezone, config)
        failed = _follow(inputs, files, store or inputs.settings.store.directory)
    else:
        keep_memory()  # before Polars is imported
        with _open_crew(processes or plan_processes(files), rules, timezone, config, store) as crew:
            inputs = load_inputs(files, rules, timezone, config)
            failed = _run(inputs, store or inputs.settings.store.directory, crew)
    context.exit(1 if failed else 0)


def plan_processes(files: Sequence[str]) -> int:
    """How many processes pay: one for each core where there is much to parse, which pipes do not tell."""
    from pipeline.cores import count_cores
    from pipeline.sources.paths import expand_paths

    sizes = (Path(path).stat().st_size for path in expand_paths(files)[0] if Path(path).is_file())
    return count_cores() if sum(sizes) >= _LARGE_BYTES else 1


@contextmanager
def _open_crew(
    processes: int, rules: Path | None, timezone: str | None, config: Path | None, store: Path | None
) -> "Iterator[Crew | None]":
    if processes == 1:
        yield None
        return
    from pipeline.cores import count_cores

    # Before Polars is imported, and for the helpers too: the processes share the cores.
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, count_cores() // processes)))
    from pipeline.local_helpers import start_helpers
    from pipeline.local_worker import EngineSource

    with start_helpers(
        processes - 1, EngineSource(rules, timezone, config, store, dict(os.environ))
    ) as helpers:
        from pipeline import local_crew

        try:
            yield local_crew.Crew(helpers)
        except local_crew.CrewError as error:
            raise click.ClickException(str(error)) from error


def _run(inputs: Inputs, directory: Path, crew: "Crew | None") -> bool:
    from pipeline.cli.progress import open_console
    from pipeline.local import Tally, run_files
    from pipeline.sinks.store import StoreWriter

    tally = Tally()
    now = time.time_ns() // 1_000_000
    with open_console(inputs.paths, inputs.errors) as console, told_failures():
        writer = StoreWriter(directory)
        found = run_files(inputs.engine, inputs.paths, console, tally, now, writer, inputs.limits, crew)
    click.echo(format_summary(tally.to_summary(found.height), found, directory))
    return console.has_failed


def format_summary(summary: "Summary", bursts: "pl.DataFrame", store: Path) -> str:
    """What a run did, for a person: figures, events by dataset, the bursts, and what to try next."""
    rate = summary.lines / summary.seconds if summary.seconds else 0.0
    share = 100 * summary.parsed / summary.events if summary.events else 100.0
    lines = [
        f"{_count(summary.lines, 'line')} ({summary.bytes / 1e6:,.1f} MB) of {_count(summary.files, 'file')}"
        f" in {summary.seconds:.1f} s, {rate:,.0f} a second: {_count(summary.events, 'event')}, {share:.1f} % parsed"
    ]
    datasets = sorted(summary.datasets.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(name) for name, _ in datasets[:_SHOWN]), default=0)
    lines += [f"  {name:{width}}  {count:>12,}" for name, count in datasets[:_SHOWN]]
    if len(datasets) > _SHOWN:
        lines.append(f"  and {_count(len(datasets) - _SHOWN, 'dataset')} more")
    lines += _format_bursts(bursts)
    lines.append(f"Stored in {store}. Try: tailrace search --store {store} 'log.level:error'")
    return "\n".join(lines)


def _format_bursts(bursts: "pl.DataFrame") -> list[str]:
    from datetime import UTC, datetime

    from pipeline.stages.burst_document import describe_group, merge_adjacent

    if not bursts.height:
        return ["No bursts."]
    episodes = merge_adjacent(bursts)
    lines = [_count(episodes.height, "burst") + ":"]
    for episode in episodes.head(_SHOWN).iter_rows(named=True):
        start = datetime.fromtimestamp(episode["start"] / 1000, UTC)
        seconds = (episode["end"] - episode["start"]) / 1000
        group = describe_group(episode["group"])
        lines.append(
            f"  {start:%Y-%m-%d %H:%M:%SZ}  {seconds:g} s  {episode['count']:,} events  {episode['rule']}: {group}"
        )
    if episodes.height > _SHOWN:
        lines.append(f"  and {episodes.height - _SHOWN} more; `tailrace bursts` lists them all")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def watch_rules(inputs: Inputs) -> "tuple[Live[Engine], RuleWatcher, Seen]":
    """The engine as changed rules exchange it, who judges them, and what they are tried on."""
    from parsers.load import load_rule_set
    from parsers.ruleset import RuleSet
    from pipeline.live import Live
    from pipeline.local import replace_rules
    from pipeline.reload.options import to_watch_options
    from pipeline.reload.seen import build_seen
    from pipeline.reload.watcher import RuleWatcher, Watched
    from pipeline.rule_store import open_store

    live = Live(inputs.engine)

    def load(current: RuleSet) -> RuleSet:
        return load_rule_set(inputs.rules, inputs.timezone, earlier=current, store=open_store(os.environ))

    def apply(rules: RuleSet) -> None:
        live.update(lambda engine: replace_rules(engine, rules))

    def isolate(names: frozenset[str]) -> None:
        live.update(lambda engine: replace_rules(engine, engine.flow.rules.without(names)))

    seen = build_seen(inputs.settings.rules.trial_lines, isolate)

    watched = Watched(inputs.rules, load, lambda: live.read().flow.rules, apply, seen)
    return live, RuleWatcher(watched, to_watch_options(inputs.settings.rules, "run --follow")), seen


def _follow(inputs: Inputs, files: tuple[str, ...], directory: Path) -> bool:
    from pipeline.cli.progress import open_console
    from pipeline.local import Tally
    from pipeline.local_follow import Clocks, follow_files
    from pipeline.sources.paths import STDIN

    if not files or STDIN in files:
        raise click.UsageError(
            "--follow wants files; standard input is read to its end without it", click.get_current_context()
        )
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())

    def wait(seconds: float) -> None:
        stopping.wait(seconds)

    from pipeline.logs import configure_logs

    log = inputs.settings.log
    configure_logs(log.level, json=log.json)
    tally = Tally()
    with open_console(()) as console, told_failures():
        live, watcher, seen = watch_rules(inputs)
        with watcher:
            follow_files(
                live,
                files,
                directory,
                console,
                tally,
                stopping.is_set,
                lambda found: click.echo("\n".join(_format_bursts(found))),
                clocks=Clocks(wait=wait),
                max_line_bytes=inputs.limits.max_line_bytes,
                seen=seen,
            )
    summary = tally.to_summary()
    click.echo(
        f"{_count(summary.lines, 'line')} read, {_count(summary.events, 'event')} stored in {directory}."
    )
    return False

import json
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.inputs import input_options, load_inputs, told_failures

if TYPE_CHECKING:
    from pipeline.measure import Report, RuleCost, StageCost

SHOWN = 10
NAMES = {
    "choose": "choose a rule",
    "extract": "extract fields",
    "document": "write documents",
    "all": "all of it",
    "loop": "a plain loop of regex and json",
}


@click.command()
@input_options
@click.option(
    "--lines",
    type=click.IntRange(1),
    default=200_000,
    show_default=True,
    help="How many events are measured.",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often each of them is parsed."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def bench(
    context: click.Context,
    files: tuple[str, ...],
    rules: Path | None,
    timezone: str | None,
    config: Path | None,
    lines: int,
    rounds: int,
    as_json: bool,
) -> None:
    """Measure how fast the events of FILE... or stdin are parsed on one core, and which rules take the time.

    They are read into memory and parsed several times; medians and the range of all rounds are told. The loop of
    regexes beside it converts nothing and knows three forms of lines: it is there for scale. Exits with 1 when a file
    cannot be read.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before anything imports Polars, which reads it once
    inputs = load_inputs(files, rules, timezone, config)
    from pipeline.cli.progress import open_console
    from pipeline.measure import measure, read_input

    now = time.time_ns() // 1_000_000
    with open_console(inputs.paths, inputs.errors) as console, told_failures():
        read = read_input(inputs.engine, inputs.paths, console, now, lines, inputs.limits)
        if not read.events:
            raise click.ClickException("there are no lines to measure")

        def tell(number: int) -> None:
            click.echo(f"round {number} of {rounds}", err=True)

        report = measure(inputs.engine, read, rounds, tell)
    click.echo(to_json(report) if as_json else to_text(report))
    context.exit(1 if console.has_failed else 0)


def to_json(report: "Report") -> str:
    """The report for programs, with what it was measured on."""
    from dataclasses import asdict

    machine = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": os.environ["POLARS_MAX_THREADS"],
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }
    return json.dumps({"machine": machine, **asdict(report)}, indent=2)


def to_text(report: "Report") -> str:
    """The report for a person: the stages, and the rules that cost most, in all and by the line."""
    width = max(map(len, NAMES.values()))
    batches = f"{report.batches} batch{'es' * (report.batches > 1)}"
    lines = [
        f"{report.events:,} events of {report.bytes / report.events:.0f} bytes in {batches}, "
        f"{report.parsed:.1%} parsed; {report.rounds} rounds",
        "",
        f"{'':{width}} {'CPU s a million':>16} {'from - to':>15} {'events a second':>16} {'from - to':>21}",
        *(f"{NAMES[name]:{width}} {_to_figures(cost)}" for name, cost in report.stages.items()),
        "",
        f"The rules that take most of the time, {SHOWN} at most:",
        *_to_rules(list(report.rules[:SHOWN])),
    ]
    slow = sorted(
        (rule for rule in report.rules if rule.alone is not None), key=lambda rule: -(rule.alone or 0)
    )
    if slow:
        lines += ["", f"The slowest rules by the line, {SHOWN} at most:", *_to_rules(slow[:SHOWN])]
    lines += [
        "",
        "µs: CPU time of a line in batches as they came; full: in batches of that rule's lines alone. Where the first",
        "is much larger, the rule has few lines in a batch.",
    ]
    return "\n".join(lines)


def _to_figures(cost: "StageCost") -> str:
    seconds = f"{cost.cpu.low:.2f} - {cost.cpu.high:.2f}"
    figures = f"{cost.cpu.median:16.2f} {seconds:>15}"
    if cost.rate is None:
        return figures
    rates = f"{cost.rate.low:,.0f} - {cost.rate.high:,.0f}"
    return f"{figures} {cost.rate.median:16,.0f} {rates:>21}"


def _to_rules(rules: "list[RuleCost]") -> list[str]:
    width = max(len(rule.rule or "(none)") for rule in rules)
    return [
        f"  {'rule':{width}} {'time':>7} {'lines':>9} {'share':>7} {'µs':>8} {'full':>8}",
        *(
            f"  {rule.rule or '(none)':{width}} {rule.cost:7.1%} {rule.lines:9,} {rule.share:7.1%} "
            f"{rule.microseconds:8.2f} {'' if rule.alone is None else f'{rule.alone:.2f}':>8}"
            for rule in rules
        ),
    ]

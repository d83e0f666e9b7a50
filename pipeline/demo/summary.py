"""What a run did, for a person: figures, a bar a log source, the bursts."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import polars as pl

    from pipeline.local import Summary

BAR_WIDTH = 32


def format_figures(summary: "Summary") -> str:
    """Lines, size, time, lines a second and the share of events that a rule knows."""
    rate = summary.lines / summary.seconds if summary.seconds else 0.0
    share = 100 * summary.parsed / summary.events if summary.events else 100.0
    lines = f"{summary.lines:,} lines ({summary.bytes / 1e6:,.0f} MB) of {summary.files} files"
    return (
        f"{lines} in {summary.seconds:.1f} s: {click.style(f'{rate:,.0f} lines/s', bold=True)}\n"
        f"{summary.events:,} events, {click.style(f'{_to_percent(share)} parsed', bold=True)}"
    )


def format_sources(summary: "Summary", *, is_unicode: bool = True) -> list[str]:
    """A bar for each dataset, the largest first. Bars are logarithmic: a rare source shows beside a busy one."""
    datasets = sorted(summary.datasets.items(), key=lambda item: (-item[1], item[0]))
    if not datasets:
        return []
    names = max(len(name) for name, _ in datasets)
    largest = datasets[0][1]
    return [
        f"{name:<{names}}  {_to_bar(count, largest, is_unicode)}  {count:>9,}" for name, count in datasets
    ]


def format_bursts(episodes: "pl.DataFrame") -> list[str]:
    """A line for each burst: when it began, how long it was, how many events, in which group, by which rule."""
    from pipeline.stages.burst_document import describe_group

    rows = list(episodes.iter_rows(named=True))
    groups = [describe_group(row["group"]) for row in rows]
    width = max((len(group) for group in groups), default=0)
    return [
        f"{click.style(_to_text(row['first']), fg='red')}  {_to_length(row['last'] - row['first']):>12}"
        f"  {row['count']:>7,} events  {group:<{width}}  (rule {row['rule']})"
        for row, group in zip(rows, groups, strict=True)
    ]


def format_commands(commands: Sequence[tuple[str, str]]) -> list[str]:
    """Commands to try, each with what it does."""
    width = max((len(command) for command, _ in commands), default=0)
    return [
        f"{click.style(command, fg='cyan')}{' ' * (width - len(command))}  {what}"
        for command, what in commands
    ]


def _to_bar(count: int, largest: int, is_unicode: bool) -> str:
    share = math.log1p(count) / math.log1p(largest) if largest else 0.0
    filled = max(1, round(share * BAR_WIDTH)) if count else 0
    full, empty = ("█", "░") if is_unicode else ("#", ".")
    return full * filled + empty * (BAR_WIDTH - filled)


def _to_percent(share: float) -> str:
    """Never 100 % while something is missing."""
    return "100 %" if share == 100.0 else f"{min(share, 99.99):.2f} %"


def _to_text(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _to_length(milliseconds: int) -> str:
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pipeline.sources.errors import SourceError

_SHOW_AFTER_SECONDS = 0.5


class Console:
    """Tells a run's errors on stderr and, when that is a terminal, how far it has come."""

    def __init__(self, total: int, *, is_terminal: bool) -> None:
        self.has_failed = False
        self._total = total
        self._done = 0
        self._is_terminal = is_terminal
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def read(self, count: int) -> None:
        """Move the bar on by `count` bytes. It shows up when a run takes longer than a moment."""
        self._done += count
        if not self._is_terminal:
            return
        if self._bar is None:
            if time.monotonic() - self._started < _SHOW_AFTER_SECONDS:
                return
            self._bar, self._task = _start_bar(self._total)
        if self._task is not None:
            self._bar.update(self._task, completed=self._done)

    def fail(self, error: "SourceError") -> None:
        """Tell an error above the bar."""
        self.has_failed = True
        if self._bar is not None:
            self._bar.console.print(f"tailrace: {error}", markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(f"tailrace: {error}", err=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def open_console(paths: Sequence[str], errors: Sequence["SourceError"] = ()) -> Iterator[Console]:
    """A console for a run over `paths`; `errors` that are known already are told first."""
    console = Console(_add_sizes(paths), is_terminal=sys.stderr.isatty())
    for error in errors:
        console.fail(error)
    try:
        yield console
    finally:
        console.close()


def _add_sizes(paths: Sequence[str]) -> int:
    """The bytes to read, as stored; 0 when a pipe is among them."""
    total = 0
    for path in paths:
        if path == "-":
            return 0
        if Path(path).is_file():
            total += Path(path).stat().st_size
    return total


def _start_bar(total: int) -> "tuple[Progress, TaskID]":
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    bar = Progress(
        TextColumn("reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=RichConsole(stderr=True),
        transient=True,
    )
    task = bar.add_task("reading", total=total or None)
    bar.start()
    return bar, task

"""Peers that are a command with a configuration beside it: files in, files out."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.documents import read_json_lines
from bench.peers.port import Fields, Job, Measurement, PeerError, Variant
from bench.peers.process import count_lines_of, run_process

HOME = Path(__file__).parent
INPUT = "access.log"
OUTPUT = "documents.json"
# Daemons are often where only root's PATH leads.
_MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class CommandPeer:
    """A tool that runs in a copy of its folder here, with the input as `access.log`, and leaves `documents.json`.

    `command`: what to run in which folder; `stdin`, `stdout`: the input comes from, the output goes there; `ends`:
    False if the tool waits for more and has to be told to stop; `names`: what it calls the common fields; `cut`: the
    JSON of a line of its output; `prepare`: makes another input of the lines, which does not count.
    """

    tool: str
    name: str
    variant: Variant
    command: Callable[[Path], list[str]]
    missing: Callable[[], str | None]
    source: str = ""
    share: float = 1.0
    goal: float | None = None
    stdin: bool = False
    stdout: bool = False
    ends: bool = True
    names: Mapping[str, str] = field(default_factory=dict)
    cut: Callable[[str], str] = str
    prepare: Callable[[Path, Path], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def find_missing(self) -> str | None:
        """What `missing` says."""
        return self.missing()

    def run(self, job: Job) -> Measurement:
        """Run it, and see that it wrote a line for every line."""
        folder = job.folder
        if self.source:
            shutil.copytree(HOME / self.source, folder, dirs_exist_ok=True)
        if self.prepare:
            self.prepare(job.lines, folder / INPUT)
        else:
            (folder / INPUT).symlink_to(job.lines)
        output = folder / OUTPUT
        written = count_lines_of(output)
        measurement = run_process(
            self.command(folder),
            folder,
            job.core,
            stdin=job.lines if self.stdin else None,
            stdout=output if self.stdout else None,
            environment={"PEER_FOLDER": str(folder), **self.environment},
            is_complete=None if self.ends else lambda: written() >= job.count,
        )
        if self.variant is Variant.JSON and written() != job.count:
            raise PeerError(f"{self.name}: {written()} documents of {job.count} lines")
        return measurement

    def read(self, job: Job) -> Iterator[Fields]:
        """The documents of the file."""
        if self.variant is Variant.JSON:
            yield from read_json_lines(job.folder / OUTPUT, self.names, self.cut)


def find_command(name: str) -> str | None:
    """The full path of a command, also of daemons; None if it is not there."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_FOLDERS))
    return shutil.which(name, path=folders)


def tell_missing(name: str, how: str) -> Callable[[], str | None]:
    """A function that says that a command is not on the PATH, and how to have it."""
    return lambda: None if find_command(name) else f"no {name} on the PATH: {how}"

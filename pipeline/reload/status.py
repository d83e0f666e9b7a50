"""What a running process says of its rules: one small JSON file for each process, read by `tailrace rules status`."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = "tailrace"
PREFIX = "rules-"
# The moment of the start is known in whole seconds, and clocks are put right now and then.
_CLOCKS_APART = 5.0


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """The rules that a process has in force, and how its last reload went. Times are ISO 8601 in UTC.

    `outcome`: `accepted`, `refused`, or empty while there was no change; `seconds`: how long judging took. `events`
    counts live events by rule, those that no rule took under an empty name; `experimental` the lines that experimental
    rules would take; `quarantined` are rules that were switched off since they took too long.
    """

    pid: int
    program: str
    directory: str
    hash: str
    rules: int
    since: str
    written: str
    reloads: int = 0
    refusals: int = 0
    outcome: str = ""
    judged: str = ""
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()
    events: Mapping[str, int] = field(default_factory=dict)
    experimental: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, str] = field(default_factory=dict)


def choose_folder(environ: Mapping[str, str]) -> Path:
    """Where status files lie: `$XDG_STATE_HOME/tailrace`, by default `~/.local/state/tailrace` (XDG Base Directory)."""
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/tmp"), ".local", "state")
    return Path(state) / FOLDER


def write_status(folder: Path, status: RuleStatus) -> None:
    """Write the process's file in one step. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _name_file(folder, status.pid)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(status), ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)


def remove_status(folder: Path, pid: int) -> None:
    """Remove the file of a process that ends."""
    _name_file(folder, pid).unlink(missing_ok=True)


def read_statuses(folder: Path) -> Iterator[RuleStatus]:
    """The statuses of processes that still run, by pid; files of others, and what is no status, are left out."""
    for path in sorted(folder.glob(f"{PREFIX}*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            status = RuleStatus(**{**found, "reasons": tuple(found.get("reasons", ()))})
            written = path.stat().st_mtime
        except (OSError, ValueError, TypeError):
            continue
        if _is_running(status.pid, written):
            yield status


def _name_file(folder: Path, pid: int) -> Path:
    return folder / f"{PREFIX}{pid}.json"


def _is_running(pid: int, written: float) -> bool:
    """Whether the process that wrote at that moment (epoch seconds) still runs, and not another under its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    started = _read_start(pid)
    return started is None or started < written + _CLOCKS_APART


def _read_start(pid: int) -> float | None:
    """When a process started, in epoch seconds; None where the system does not tell (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        booted = re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(booted[1]) + int(stat[19]) / os.sysconf("SC_CLK_TCK") if booted else None

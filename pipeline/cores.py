"""How many cores this process may use."""

import os
from pathlib import Path
from typing import Final

# Linux, control groups version 2: `max 100000`, or the quota and the period in microseconds.
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def count_cores(quota: Path = _QUOTA) -> int:
    """The cores of the machine that this process may run on, within the quota of its container; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, read_quota(quota) or allowed))


def read_quota(path: Path) -> int | None:
    """The whole cores that a control group's `cpu.max` grants, rounded up; None without a limit or without such a file.

    Rounded up, since a process for the last part of a core uses what would lie idle else.
    """
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None

"""Durations and sizes as people write them: `10s`, `5MB`."""

import re
from typing import Final

SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
BYTES: Final = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_QUANTITY = re.compile(r"\s*(\d+(?:_\d+)*(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*")


def parse_seconds(text: str) -> float:
    """`500ms`, `10s`, `5m`, `2h`, `1d`, or a bare number of seconds. Anything else is a ValueError."""
    number, unit = _split(text, "a duration such as 500ms, 10s, 5m, 2h, 1d, or a number of seconds")
    if unit and unit not in SECONDS:
        raise ValueError(f"{text!r} has the unknown unit {unit!r}; units are {', '.join(SECONDS)}")
    return number * SECONDS[unit or "s"]


def parse_bytes(text: str) -> int:
    """`500kB`, `5MB` (decimal), `8MiB` (binary), or a bare number of bytes. Anything else is a ValueError."""
    number, unit = _split(text, "a size such as 500kB, 5MB, 8MiB, or a number of bytes")
    if unit.lower() not in BYTES and unit:
        raise ValueError(f"{text!r} has the unknown unit {unit!r}; units are B, kB, MB, GB, KiB, MiB, GiB")
    return round(number * BYTES[unit.lower() or "b"])


def parse_percent(text: str) -> float:
    """Per cent of `1%`, `0.5 %` or `1`; a ValueError for what is none, or above 100."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        raise ValueError(f"{text!r} is no percentage; write 1% or 0.5%") from None
    if not 0 <= value <= 100:
        raise ValueError(f"{text!r} is not between 0% and 100%")
    return value


def parse_processes(text: str) -> int:
    """A number of processes; `auto` is 0. Anything else is a ValueError."""
    if text.strip().lower() == "auto":
        return 0
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a whole number nor auto") from None


def to_seconds_text(seconds: float) -> str:
    """The shortest text that `parse_seconds` reads back as the same duration."""
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % SECONDS[unit] == 0:
            return f"{int(seconds // SECONDS[unit])}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


def to_bytes_text(size: int) -> str:
    """The shortest text that `parse_bytes` reads back as the same size."""
    for unit, name in (
        ("gib", "GiB"),
        ("gb", "GB"),
        ("mib", "MiB"),
        ("mb", "MB"),
        ("kib", "KiB"),
        ("kb", "kB"),
    ):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{name}"
    return f"{size}B"


def _split(text: str, wanted: str) -> tuple[float, str]:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not {wanted}")
    return float(found[1]), found[2]

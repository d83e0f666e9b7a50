"""Names browsers, systems and devices by uap-core's patterns; each distinct user agent is looked at once."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import polars as pl

Parts: TypeAlias = tuple[str | None, ...]
PART_NAMES = ("name", "version", "os.name", "os.version", "device.name")
# How many distinct texts are remembered, and how much of each is looked at: clients choose what they send.
REMEMBERED = 4096
MAX_CHARACTERS = 1000


class UserAgents:
    """Reads user agents for one rule set, remembering the latest. Safe to use from several threads.

    The patterns (some 0.15 s and 30 MB) are loaded with the first text, so a rule set that meets none pays nothing.
    """

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read: Callable[[str], Parts] | None = None

    def dissect(self, texts: pl.Series, prefix: str) -> pl.DataFrame:
        """`name`, `version`, `os.name`, `os.version`, `device.name`; null for what the patterns do not know.

        Args:
            texts: String, n rows.
            prefix: what stands before the parts' names, such as `user_agent.`.
        """
        names = [f"{prefix}{name}" for name in PART_NAMES]
        known = texts.unique().drop_nulls()
        if known.is_empty():
            return pl.DataFrame({name: pl.Series([None] * len(texts), dtype=pl.String) for name in names})
        read = self._read
        if read is None:
            read = self._read = lru_cache(REMEMBERED)(_build_reader())
        found = [read(text) for text in known.str.slice(0, MAX_CHARACTERS)]
        columns = dict(zip(names, zip(*found, strict=True), strict=True))
        table = pl.DataFrame({"_text": known, **columns}, schema_overrides=dict.fromkeys(names, pl.String))
        return (
            texts.to_frame("_text").join(table, on="_text", how="left", maintain_order="left").select(names)
        )


def _build_reader() -> Callable[[str], Parts]:
    # Imported here: only a rule set that meets user agents needs it.
    from ua_parser import BestAvailableResolver, Domain, load_lazy_builtins

    resolve = BestAvailableResolver(load_lazy_builtins())

    def read(text: str) -> Parts:
        found = resolve(text, Domain.ALL)
        agent, system, device = found.user_agent, found.os, found.device
        return (
            agent.family if agent else None,
            _join(agent.major, agent.minor, agent.patch, agent.patch_minor) if agent else None,
            system.family if system else None,
            _join(system.major, system.minor, system.patch, system.patch_minor) if system else None,
            device.family if device else None,
        )

    return read


def _join(*numbers: str | None) -> str | None:
    kept = []
    for number in numbers:
        if not number:
            break
        kept.append(number)
    return ".".join(kept) or None

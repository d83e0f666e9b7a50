"""Bursts to alert documents in ECS, and to the episodes that a summary shows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
import polars as pl

from parsers.burst_model import BurstLevel, BurstRule
from parsers.document import to_documents
from parsers.ecs import ECS_VERSION

SEVERITIES: Final[Mapping[BurstLevel, int]] = {
    "informational": 1,
    "low": 21,
    "medium": 47,
    "high": 73,
    "critical": 99,
}
"""`event.severity` of each level: the risk scores that Elastic gives to the levels of its own detection rules."""

DOCUMENT_SCHEMA: Final = {"_id": pl.String(), "time": pl.Int64(), "document": pl.String()}

EPISODE_SCHEMA: Final = {
    "rule": pl.String(),
    "group": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "count": pl.Int64(),
    "windows": pl.Int64(),
    "first": pl.Int64(),
    "last": pl.Int64(),
}


def to_burst_documents(bursts: pl.DataFrame, rules: Iterable[BurstRule]) -> pl.DataFrame:
    """One alert document a burst (BURST_SCHEMA): columns `_id`, `time` (epoch ms), `document` (JSON text).

    `@timestamp` and `time` are the window's start; `event.start` and `event.end` its first and its last moment to be
    counted. The group's fields stand at their ECS places. `_id` follows from rule, group and window start, so that a
    burst that is written twice is one document.
    """
    if not bursts.height:
        return pl.DataFrame(schema=DOCUMENT_SCHEMA)
    known = {rule.name: rule for rule in rules}
    rows = [_to_fields(burst, known[burst["rule"]]) for burst in bursts.iter_rows(named=True)]
    documents = to_documents(_to_columns(rows))
    keys = bursts.select("rule", "group", "window_start").rows()
    ids = [find_burst_id(rule, group, start) for rule, group, start in keys]
    return pl.DataFrame(
        {"_id": ids, "time": bursts["window_start"], "document": documents}, schema=DOCUMENT_SCHEMA
    )


def find_burst_id(rule: str, group: str, window_start: int) -> str:
    """The document id: 32 hexadecimal digits of rule and group, a dash, the window's start in epoch ms."""
    digest = blake2b(f"{rule}\0{group}".encode(), digest_size=16).hexdigest()
    return f"{digest}-{window_start}"


def merge_adjacent(bursts: pl.DataFrame) -> pl.DataFrame:
    """Bursts of one rule and group in windows that touch, as one episode each (EPISODE_SCHEMA).

    `start` and `end` are those of the first and last window (epoch ms, the end exclusive). Ordered by start, rule,
    group.
    """
    key = ["rule", "group"]
    is_new = (pl.col("window_start") > pl.col("window_end").shift(1).cum_max()).over(key).fill_null(True)
    return (
        bursts.sort("rule", "group", "window_start")
        .with_columns(is_new.cum_sum().over(key).alias("episode"))
        .group_by("rule", "group", "episode")
        .agg(
            pl.col("window_start").min().alias("start"),
            pl.col("window_end").max().alias("end"),
            pl.col("count").sum(),
            pl.len().cast(pl.Int64).alias("windows"),
            pl.col("first").min(),
            pl.col("last").max(),
        )
        .select(EPISODE_SCHEMA.keys())
        .sort("start", "rule", "group")
    )


def describe_group(group: str) -> str:
    """A signal's group for people: `nginx.error on web-1`, with names for other fields; `all events` for no field."""
    fields: dict[str, Any] = msgspec.json.decode(group)
    dataset, host = fields.pop("event.dataset", None), fields.pop("host.name", None)
    parts = [str(dataset)] if dataset is not None else []
    parts += [f"{name} {_to_word(value)}" for name, value in fields.items()]
    text = ", ".join(parts)
    if host is None:
        return text or "all events"
    return f"{text} on {host}" if text else f"host {host}"


def _to_fields(burst: Mapping[str, Any], rule: BurstRule) -> dict[str, Any]:
    seconds = (burst["window_end"] - burst["window_start"]) / 1000
    start = _to_moment(burst["window_start"])
    group: dict[str, Any] = msgspec.json.decode(burst["group"])
    return {
        "@timestamp": start,
        "event.kind": "alert",
        "event.action": "burst",
        "event.provider": "tailrace",
        "event.start": start,
        "event.end": _to_moment(burst["window_end"]),
        "event.duration": (burst["window_end"] - burst["window_start"]) * 1_000_000,
        "event.severity": SEVERITIES[rule.level],
        "message": (
            f"{burst['count']} events in {seconds:g} s: {rule.name}, {describe_group(burst['group'])}"
            f" (threshold {rule.threshold})"
        ),
        "rule.name": rule.name,
        "rule.description": rule.description or None,
        "rule.ruleset": "bursts",
        "ecs.version": ECS_VERSION,
        "tailrace.burst.count": burst["count"],
        "tailrace.burst.threshold": rule.threshold,
        "tailrace.burst.level": rule.level,
        "tailrace.burst.first": _to_moment(burst["first"]),
        "tailrace.burst.last": _to_moment(burst["last"]),
    } | group


def _to_columns(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_to_series(name, [row.get(name) for row in rows]) for name in names])


def _to_series(name: str, values: Sequence[Any]) -> pl.Series:
    present = {type(value) for value in values if value is not None}
    if datetime in present:
        return pl.Series(name, values, dtype=pl.Datetime("ms", "UTC"))
    if len(present) > 1:
        return pl.Series(
            name, [None if value is None else _to_word(value) for value in values], dtype=pl.String
        )
    return pl.Series(name, values)


def _to_word(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _to_moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)

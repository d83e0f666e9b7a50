"""`related.ip`, `related.user` and `related.hosts`: all addresses, users and hosts of an event in one field each.

Source: ECS field reference, "Related fields".
"""

from typing import Final

import polars as pl

from parsers.ecs import find_field_type

_USERS: Final = (
    "user.name",
    "user.target.name",
    "user.effective.name",
    "user.changes.name",
    "source.user.name",
    "destination.user.name",
    "client.user.name",
    "server.user.name",
    "process.user.name",
)
_HOSTS: Final = (
    "host.name",
    "host.hostname",
    "observer.hostname",
    "source.domain",
    "destination.domain",
    "client.domain",
    "server.domain",
    "url.domain",
    "dns.question.name",
)
_OTHER_ADDRESSES: Final = ("dns.resolved_ip", "network.forwarded_ip")


def relate(frame: pl.DataFrame) -> list[pl.Series]:
    """List columns of the distinct values in the frame's own fields, null where an event has none."""
    names = frame.columns
    texts = (pl.String(), pl.List(pl.String))
    found = {
        "related.ip": [name for name in names if _is_address(name) and frame.schema[name] in texts],
        "related.user": [name for name in _USERS if frame.schema.get(name) in texts],
        "related.hosts": [name for name in _HOSTS if frame.schema.get(name) in texts],
    }
    expressions = [_collect(frame, fields).alias(target) for target, fields in found.items() if fields]
    return frame.select(expressions).get_columns() if expressions else []


def _is_address(name: str) -> bool:
    if name.startswith("related."):
        return False
    return name.endswith(".ip") or (name in _OTHER_ADDRESSES and find_field_type(name) == "ip")


def _collect(frame: pl.DataFrame, fields: list[str]) -> pl.Expr:
    usable = [name for name in fields if frame[name].null_count() < frame.height]
    if not usable:
        return pl.lit(None, dtype=pl.List(pl.String))
    is_full = any(not frame[name].null_count() for name in usable)
    together = pl.concat_list(usable)
    if len(usable) > 1 or isinstance(frame.schema[usable[0]], pl.List):
        together = together.list.drop_nulls().list.unique(maintain_order=True)
    elif not is_full:
        together = together.list.drop_nulls()
    return together if is_full else pl.when(together.list.len() > 0).then(together)

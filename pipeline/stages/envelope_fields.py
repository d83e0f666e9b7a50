"""Which fields of a shipper's envelope a document takes over under their own names, and as what.

A column's type hangs on its name alone, never on the values of a batch: cutting a batch elsewhere must not
change a document. Names that are neither ECS nor below go to `labels.*` as text, where no mapping can be
upset by them.
"""

import datetime
import functools
import ipaddress
import math
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

Leaf: TypeAlias = str | int | float | bool | list[str]

# Fields that shippers send and ECS does not define (Filebeat's exported fields; Elastic's Kubernetes fields).
# `log.offset` is not among them: it is a line's place, and what is none (below zero, a text) is a label.
_SHIPPER_FIELDS = {
    "log.file.device_id": "keyword",
    "log.file.inode": "keyword",
    "log.file.fingerprint": "keyword",
    "log.file.idxhi": "keyword",
    "log.file.idxlo": "keyword",
    "log.file.vol": "keyword",
    "log.flags": "keyword[]",
    "log.source.address": "keyword",
    "input.type": "keyword",
    "host.containerized": "boolean",
    "host.os.codename": "keyword",
    "host.os.build": "keyword",
    "cloud.instance.name": "keyword",
    "kubernetes.namespace": "keyword",
    "kubernetes.namespace_uid": "keyword",
    "kubernetes.node.name": "keyword",
    "kubernetes.node.uid": "keyword",
    "kubernetes.node.hostname": "keyword",
    "kubernetes.pod.name": "keyword",
    "kubernetes.pod.uid": "keyword",
    "kubernetes.pod.ip": "keyword",
    "kubernetes.container.name": "keyword",
    "kubernetes.container.image": "keyword",
    "kubernetes.deployment.name": "keyword",
    "kubernetes.replicaset.name": "keyword",
    "kubernetes.statefulset.name": "keyword",
    "kubernetes.daemonset.name": "keyword",
    "kubernetes.job.name": "keyword",
    "kubernetes.cronjob.name": "keyword",
}

# Flat maps of free keys; a dot in a key becomes `_`, since `app` and `app.kubernetes.io/name` may stand side
# by side.
FREE_MAPS = (
    "kubernetes.labels.",
    "kubernetes.annotations.",
    "kubernetes.namespace_labels.",
    "kubernetes.node.labels.",
    "container.labels.",
    "labels.",
)

# What the pipeline itself says of a document; an envelope's word on it goes to `labels.*`.
_OWN = ("@timestamp", "message", "tags", "labels", "ecs.", "rule.", "data_stream.")
_EVENT_FIELDS = frozenset(
    f"event.{name}"
    for name in (
        *("action", "code", "duration", "end", "id", "outcome", "provider", "reason", "reference"),
        *("sequence", "severity", "start", "timezone", "url"),
    )
)

_TEXT_TYPES = {"keyword", "constant_keyword", "wildcard", "match_only_text", "text", "version", "ip", "date"}
_COLUMN_TYPES: Mapping[str, pl.DataType] = {
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
}


@functools.cache
def load_kept_fields() -> Mapping[str, str]:
    """Name -> ECS type, with `[]` behind it for fields that hold several values."""
    text = resources.files("parsers").joinpath("ecs_fields.csv").read_text(encoding="utf-8")
    fields = dict(_SHIPPER_FIELDS)
    types = {name: kind for name, kind, _ in (line.split(",") for line in text.splitlines()[1:])}
    for line in text.splitlines()[1:]:
        name, kind, array = line.split(",")
        parent = name.rpartition(".")[0]
        is_multi_field = types.get(parent, "object") not in {"object", "nested", "flattened"}
        if _is_own(name) or is_multi_field or (kind not in _TEXT_TYPES and kind not in _COLUMN_TYPES):
            continue
        fields[name] = f"{kind}[]" if array and kind in _TEXT_TYPES else kind
    return MappingProxyType(fields)


def find_column_type(name: str) -> pl.DataType:
    """The one type that a context column of this name has in every batch."""
    if name == "tags":
        return pl.List(pl.String())
    kind = load_kept_fields().get(name, "keyword")
    if kind.endswith("[]"):
        return pl.List(pl.String())
    return _COLUMN_TYPES.get(kind, pl.String())


def to_field_value(kind: str, value: object) -> Leaf | None:
    """`value` as a field of this type, or None if Elasticsearch would refuse it there."""
    if kind.endswith("[]"):
        items = value if isinstance(value, list) else [value]
        texts = [to_field_value(kind[:-2], item) for item in items]
        return [str(text) for text in texts if text is not None] if None not in texts and texts else None
    if kind == "boolean":
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if kind == "long":
        return _to_long(value)
    if kind == "double":
        return _to_double(value)
    text = str(value)
    if kind == "ip" and not _is_ip(text):
        return None
    if kind == "date" and not _is_date(text):
        return None
    return text


def _is_own(name: str) -> bool:
    if name.startswith("event."):
        return name not in _EVENT_FIELDS
    return name.startswith(_OWN)


def _to_long(value: str | int | float) -> int | None:
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if -(2**63) <= number < 2**63 and (isinstance(value, str) or number == value) else None


def _to_double(value: str | int | float) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True

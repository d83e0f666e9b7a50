"""What an envelope says around its message, as flat columns: who shipped it, from where, its labels."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
import polars as pl

from pipeline.stages.envelope_fields import (
    FREE_MAPS,
    Leaf,
    find_column_type,
    load_kept_fields,
    to_field_value,
)

MAX_DEPTH = 20
MAX_LABELS = 64
MAX_NAME = 256
MAX_LABEL_COLUMNS = 512
OVERFLOW = "labels.more"
_DATASET = "_dataset"
_UNSAFE = re.compile(r'[.\x00-\x1f\x7f"\\]')

# Names that other shippers have for the same thing: Vector's and Fluent Bit's Kubernetes filters and file
# sources.
_ALIASES = {
    "host": "host.name",
    "hostname": "host.name",
    "service": "service.name",
    "file": "log.file.path",
    "log.file": "log.file.path",
    "source_type": "input.type",
    "container_id": "container.id",
    "container_name": "container.name",
    "docker.container_id": "container.id",
    "docker.container_name": "container.name",
    "event.dataset": _DATASET,
    "data_stream.dataset": _DATASET,
    "kubernetes.pod_name": "kubernetes.pod.name",
    "kubernetes.pod_id": "kubernetes.pod.uid",
    "kubernetes.pod_uid": "kubernetes.pod.uid",
    "kubernetes.pod_ip": "kubernetes.pod.ip",
    "kubernetes.pod_namespace": "kubernetes.namespace",
    "kubernetes.namespace_name": "kubernetes.namespace",
    "kubernetes.container_name": "kubernetes.container.name",
    "kubernetes.container_image": "container.image.name",
    "kubernetes.container_id": "container.id",
    "kubernetes.docker_id": "container.id",
    "kubernetes.host": "kubernetes.node.name",
    "kubernetes.pod_node_name": "kubernetes.node.name",
}
_RENAMED_MAPS = {
    "kubernetes.pod_labels.": "kubernetes.labels.",
    "kubernetes.pod_annotations.": "kubernetes.annotations.",
    "kubernetes.node_labels.": "kubernetes.node.labels.",
}

# Said by the transport or about the envelope itself: the same facts stand in `agent.*`, or we state our own.
_DROPPED = frozenset({"@metadata", "@version", "ecs"})


def read_part(key: str, raw: bytes) -> dict[str, Leaf]:
    """One top-level member of an envelope as flat fields; `raw` is its JSON text, empty for a missing one.

    Kept fields have their ECS name and type; all else is text under `labels.*`, with dots in names made `_`.
    At most `MAX_LABELS` labels a member; the rest share `labels.more` as a JSON object. A value that no
    decoder reads (a number out of any range) stays as its JSON text.
    """
    if not raw or key in _DROPPED:
        return {}
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return {_to_label(key): bytes(raw).decode("utf-8", "replace")}
    if key == "tags":
        return _read_tags(value)
    fields: dict[str, Leaf] = {}
    labels: dict[str, object] = {}
    for name, leaf in _walk(key, value, MAX_DEPTH):
        target, kept = _place(name, leaf)
        if kept is None:
            labels[target] = leaf
        else:
            fields.setdefault(target, kept)
    for name in list(labels)[:MAX_LABELS]:
        fields[name] = _to_text(labels.pop(name))
    if labels:
        more = {name.removeprefix("labels."): _to_text(leaf) for name, leaf in labels.items()}
        fields[OVERFLOW] = _to_text(more)
    return fields


def limit_labels(rows: Iterable[dict[str, Leaf]]) -> None:
    """Move labels past the first `MAX_LABEL_COLUMNS` different ones into `labels.more`, in place.

    Free keys in a hostile stream would otherwise make a column each. This is the one thing that hangs on the
    batch.
    """
    names: set[str] = set()
    for row in rows:
        excess: dict[str, object] = {}
        for name in [name for name in row if name.startswith(FREE_MAPS) and name != OVERFLOW]:
            if name in names or len(names) < MAX_LABEL_COLUMNS:
                names.add(name)
            else:
                excess[name.removeprefix("labels.")] = row.pop(name)
        if excess:
            known = msgspec.json.decode(str(row.get(OVERFLOW, "{}")), type=dict[str, object])
            row[OVERFLOW] = _to_text({**known, **excess})


def to_columns(rows: list[dict[str, Leaf]]) -> list[pl.Series]:
    """Flat rows as columns, null where a row lacks a name; a name has the same type in every batch."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [pl.Series(name, [row.get(name) for row in rows], dtype=find_column_type(name)) for name in names]


def _walk(name: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """The leaves below a name; null says nothing, and what nests too deep is a leaf."""
    if value is None:
        return
    if not isinstance(value, dict) or depth == 0:
        yield name, value
        return
    for key, member in value.items():
        yield from _walk(f"{name}.{key}", member, depth - 1)


def _place(name: str, leaf: object) -> tuple[str, Leaf | None]:
    """The field where a leaf belongs and its value there; the value is None if it is a label."""
    alias = _ALIASES.get(name)
    if alias == _DATASET:
        return (alias, leaf) if isinstance(leaf, str) else (_to_label(name), None)
    name = alias or name
    for prefix, renamed in _RENAMED_MAPS.items():
        if name.startswith(prefix):
            name = renamed + name.removeprefix(prefix)
    for free in FREE_MAPS:
        if name.startswith(free):
            return free + _flat(name.removeprefix(free)), None
    kind = load_kept_fields().get(name)
    kept = None if kind is None else to_field_value(kind, leaf)
    return (_to_label(name), None) if kept is None else (name, kept)


def _read_tags(value: object) -> dict[str, Leaf]:
    tags = [_to_text(item) for item in (value if isinstance(value, list) else [value]) if item is not None]
    return {"tags": tags} if tags else {}


def _to_label(name: str) -> str:
    return "labels." + _flat(name.removeprefix("fields."))


def _flat(name: str) -> str:
    """One level of a field name: no dots, nothing that JSON escapes, not blank, not endless."""
    return _UNSAFE.sub("_", name)[:MAX_NAME] if name.strip() else "_"


def _to_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def merge_fields(first: Mapping[str, Leaf], second: Mapping[str, Leaf]) -> dict[str, Leaf]:
    """Both together; `first` wins where both name a field, and tags are added up."""
    merged = {**second, **first}
    if "tags" in first and "tags" in second:
        merged["tags"] = [*_as_list(first["tags"]), *_as_list(second["tags"])]
    return merged


def _as_list(value: Leaf) -> list[str]:
    return value if isinstance(value, list) else [str(value)]

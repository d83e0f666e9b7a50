"""Adds the parts of what a rule's `dissect` names: URLs, user agents and paths."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import polars as pl

from parsers.ecs import load_field_types
from parsers.events.values.dissect_path import PATH_PARTS, dissect_paths
from parsers.events.values.dissect_url import URL_PARTS, dissect_urls
from parsers.events.values.dissect_user_agent import PART_NAMES, UserAgents
from parsers.model import DissectKind

# String texts of n rows to a frame of n rows with the parts under their full names.
Dissector: TypeAlias = Callable[[pl.Series], pl.DataFrame]

_PARTS: Mapping[str, tuple[str, ...]] = {"url": URL_PARTS, "user_agent": PART_NAMES, "path": PATH_PARTS}


def find_parts(field: str, kind: DissectKind) -> tuple[str, ...]:
    """The fields that dissecting `field` may give: beside it, and of ECS where it is a field of ECS."""
    prefix = field[: field.rfind(".") + 1]
    known = load_field_types()
    names = (f"{prefix}{part}" for part in _PARTS[kind])
    return tuple(name for name in names if name != field and (name in known or field not in known))


def build_dissectors(
    kinds: Mapping[str, DissectKind], user_agents: UserAgents
) -> tuple[tuple[str, Dissector], ...]:
    """Each field with what takes it apart; `user_agents` is shared by the rules of a rule set."""
    functions = {"url": dissect_urls, "user_agent": user_agents.dissect, "path": dissect_paths}
    return tuple(
        (field, partial(_dissect, functions[kind], field[: field.rfind(".") + 1], find_parts(field, kind)))
        for field, kind in kinds.items()
    )


def dissect_fields(
    frame: pl.DataFrame, rows: pl.DataFrame, dissectors: Sequence[tuple[str, Dissector]]
) -> pl.DataFrame:
    """Adds the parts to a rule's captures; what the rule captured itself stays.

    Args:
        frame: the captures, n rows (or no column at all).
        rows: the same n rows with what was known before; read for fields that the rule did not capture.
        dissectors: see `build_dissectors`.

    Returns:
        The captures with the parts that some row has.
    """
    for field, dissect in dissectors:
        known = frame if field in frame.columns else rows
        if known.schema.get(field) != pl.String:
            continue
        columns = []
        for part in dissect(known[field]).iter_columns():
            if part.null_count() == len(part):
                continue
            if part.name in frame.columns:
                captured = frame[part.name]
                part = captured.zip_with(captured.is_not_null(), part.cast(captured.dtype, strict=False))
            columns.append(part)
        if columns:
            frame = frame.with_columns(columns) if frame.width else pl.DataFrame(columns)
    return frame


def _dissect(
    function: Callable[[pl.Series, str], pl.DataFrame], prefix: str, names: tuple[str, ...], texts: pl.Series
) -> pl.DataFrame:
    return function(texts, prefix).select(names)

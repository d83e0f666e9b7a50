"""The line form of container runtimes: `2026-07-01T10:00:00.123456789Z stdout F message`."""

import polars as pl

_CRI = (
    r"(?s)^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) "
    r"(?P<stream>stdout|stderr) (?P<flags>[FP](?::[^ ]*)?)(?: (?P<text>.*))?$"
)


def is_cri(texts: pl.Series) -> pl.Series:
    """Which lines a container runtime wrote (Kubernetes CRI log format: time, stream, tags, message)."""
    return texts.str.contains(_CRI)


def split_cri(texts: pl.Series) -> pl.DataFrame:
    """Columns `time` (String, ISO 8601), `stream`, `partial` (Boolean: cut here by the runtime), `text`."""
    groups = texts.str.extract_groups(_CRI).struct.unnest()
    return groups.select(
        "time",
        "stream",
        partial=pl.col("flags").str.starts_with("P"),
        text=pl.col("text").fill_null(""),
    )

"""Whether a run found what the demo had hidden, and nothing else."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from pipeline.demo.scenario import HiddenBurst

if TYPE_CHECKING:
    import polars as pl


def find_differences(hidden: Sequence[HiddenBurst], episodes: "pl.DataFrame") -> list[str]:
    """One text for each hidden burst that was not found as it was hidden, and each other burst; empty if all is well.

    `episodes` are bursts merged over adjacent windows (EPISODE_SCHEMA). Windows, rule, dataset and count must agree.
    """
    found = [
        HiddenBurst(
            start=row["start"],
            end=row["end"],
            rule=row["rule"],
            dataset=str(msgspec.json.decode(row["group"]).get("event.dataset")),
            count=row["count"],
        )
        for row in episodes.iter_rows(named=True)
    ]
    missing = [f"not found: {burst}" for burst in hidden if burst not in found]
    return missing + [f"not hidden: {burst}" for burst in found if burst not in hidden]

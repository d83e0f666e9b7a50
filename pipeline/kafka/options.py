"""How the batch transport is to behave."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Which topics come as record batches, and how much of them at once.

    `topics`: these are read as batches, all others record by record as Faust always does. `manual`: those of them whose
    commits an agent decides (`Ledger.commit_to`) instead of the acknowledged batches. A batch holds at most
    `batch_records` records or a little over `batch_bytes`; of one partition about as many records as
    `partition_batches` full batches hold, and of one topic about `topic_bytes` are in flight. What is done is committed
    every `commit_interval` seconds. For what is in flight `revoke_drain` seconds are allowed when partitions are taken
    away, `stop_drain` when the process ends, and `last_commit` for the commit after that.
    """

    topics: frozenset[str] = frozenset()
    manual: frozenset[str] = frozenset()
    batch_records: int = 10_000
    batch_bytes: int = 8_000_000
    partition_batches: int = 4
    topic_bytes: int = 32_000_000
    commit_interval: float = 0.25
    revoke_drain: float = 3.0
    stop_drain: float = 5.0
    last_commit: float = 2.0

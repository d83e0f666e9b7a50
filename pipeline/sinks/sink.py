"""The port behind which documents go: Elasticsearch, or memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.sinks.dead_letter import ReasonCode


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that will never be taken: its row in the batch, and why, for its dead letter."""

    row: int
    reason: ReasonCode
    message: str


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of the rows of a batch: each is counted in exactly one of the four.

    `created`: written now; `existing`: were there already; `refused` (by row) belong into the dead letters;
    `pending` (by row): their fate is unknown, because `stop` ended the retries. Their offsets must not be
    committed.
    """

    created: int = 0
    existing: int = 0
    refused: tuple[Refusal, ...] = ()
    pending: tuple[int, ...] = ()


class DocumentSink(Protocol):
    """Takes documents, each once under its id."""

    async def write(
        self,
        keys: Sequence[bytes | None],
        documents: Sequence[bytes | None],
        *,
        check_existing: bool = False,
    ) -> WriteResult:
        """Write a batch and return when every row's fate is known, or after `stop`.

        A key is `<data stream or index>/<_id>`, its document one JSON object. A document whose id the target
        holds already is left alone (`create`): the first wins, also within the batch. `check_existing` looks
        for the ids in all backing indices of a data stream, not only in the one written to: wanted for
        batches that may have been written before, the first after a partition was assigned.
        Never raises for what is in the batch nor for an unreachable server.
        """
        ...

    def stop(self) -> None:
        """Retry no more: writes end after the request they are in, the rest of their rows `pending`."""
        ...

    async def close(self) -> None:
        """Stop, and let go of connections."""
        ...

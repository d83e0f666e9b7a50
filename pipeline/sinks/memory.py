"""A sink that keeps documents in memory: for tests, and for trying a pipeline out without a server."""

from collections.abc import Sequence
from typing import Any, final

import msgspec

from pipeline.settings.model import LARGEST_REQUEST
from pipeline.sinks.bulk_body import build_batch
from pipeline.sinks.sink import Refusal, WriteResult


@final
class MemorySink:
    """A `DocumentSink` with the semantics of Elasticsearch's `create`: the first document of an id stays.

    Documents are checked to be JSON objects with an `@timestamp`, as a data stream does; mappings there are
    none. `documents` holds what was taken, as `{target: {id: document}}`, in the order it came.
    """

    def __init__(self, documents: dict[str, dict[str, bytes]] | None = None) -> None:
        self.documents = {} if documents is None else documents
        self._stopped = False

    async def write(
        self,
        keys: Sequence[bytes | None],
        documents: Sequence[bytes | None],
        *,
        check_existing: bool = False,
    ) -> WriteResult:
        """See `DocumentSink.write`."""
        batch = build_batch(keys, documents, LARGEST_REQUEST)
        if self._stopped:
            return WriteResult(refused=batch.refused, pending=tuple(batch.rows))
        refused = list(batch.refused)
        created = existing = 0
        for row in batch.rows:
            target, identity = (part.decode() for part in batch.split_key(row))
            wrong = _find_fault(target, batch.documents[row])
            kept = self.documents.setdefault(target, {})
            if wrong:
                refused.append(Refusal(row, "refused_by_elasticsearch", wrong))
            elif identity in kept:
                existing += 1
            else:
                kept[identity] = batch.documents[row]
                created += 1
        return WriteResult(created, existing, tuple(sorted(refused, key=lambda refusal: refusal.row)))

    def stop(self) -> None:
        """See `DocumentSink.stop`: from now on every row is pending."""
        self._stopped = True

    async def close(self) -> None:
        """See `DocumentSink.close`."""
        self.stop()


def _find_fault(target: str, document: bytes) -> str:
    try:
        value: Any = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"400 document_parsing_exception: {error}"
    if not isinstance(value, dict):
        return "400 document_parsing_exception: a document has to be a JSON object"
    if target.startswith("logs-") and "@timestamp" not in value:
        return "400 document_parsing_exception: the document has no @timestamp"
    return ""

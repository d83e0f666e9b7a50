"""Documents into Elasticsearch: created once each, retried as long as it takes, refused with a reason."""

import asyncio
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import final

from loguru import logger

from pipeline.settings import ElasticsearchSettings
from pipeline.settings.model import LARGEST_REQUEST
from pipeline.sinks.bulk_answer import ANSWER_FIELDS, Item, explain_item, judge_item, parse_answer
from pipeline.sinks.bulk_body import Batch, build_batch, build_body, cut_chunks
from pipeline.sinks.bulk_existing import BackingIndices, Identity
from pipeline.sinks.bulk_wait import Patience, Waiting
from pipeline.sinks.dead_letter import ReasonCode
from pipeline.sinks.elasticsearch_client import ElasticsearchClient, Unavailable, build_client
from pipeline.sinks.sink import Refusal, WriteResult


class _Indivisible(Exception):
    """The request as a whole is refused for what is in it (400) or for its size (413)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(slots=True)
class _Tally:
    """What became of the rows so far."""

    created: int = 0
    existing: int = 0
    refused: list[Refusal] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)


@final
class ElasticsearchSink:
    """A `DocumentSink` on `_bulk` requests, several at a time.

    A request that fails as a whole (no connection, time-out, 5xx, missing rights) is repeated until it
    succeeds or `stop` is called; so are items that Elasticsearch could not take just then (429, 5xx). Items
    that it will never take are refused with its own words. What was sent may have been written although no
    answer came: repeating is safe, since `create` answers 409, and after a failure the older backing indices
    are asked as well.
    """

    def __init__(
        self,
        client: ElasticsearchClient,
        *,
        bulk_documents: int,
        bulk_bytes: int,
        concurrency: int,
        recheck: float,
        patience: Patience,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._bulk_documents = bulk_documents
        self._bulk_bytes = bulk_bytes
        self._slots = asyncio.Semaphore(concurrency)
        self._now = now
        self._stop = asyncio.Event()
        self._waiting = Waiting(patience, self._stop, monotonic)
        self._indices = BackingIndices(client, recheck, monotonic)

    async def write(
        self,
        keys: Sequence[bytes | None],
        documents: Sequence[bytes | None],
        *,
        check_existing: bool = False,
    ) -> WriteResult:
        """See `DocumentSink.write`. The batch is cut into requests of the sizes in the settings."""
        batch = build_batch(keys, documents, LARGEST_REQUEST)
        tally = _Tally(refused=list(batch.refused))
        async with asyncio.TaskGroup() as group:
            for rows in cut_chunks(batch, self._bulk_documents, self._bulk_bytes):
                group.create_task(self._deliver(batch, rows, check_existing, tally))
        tally.refused.sort(key=lambda refusal: refusal.row)
        return WriteResult(tally.created, tally.existing, tuple(tally.refused), tuple(sorted(tally.pending)))

    def stop(self) -> None:
        """See `DocumentSink.stop`."""
        self._stop.set()

    async def close(self) -> None:
        """See `DocumentSink.close`."""
        self.stop()
        await self._client.close()

    async def _deliver(self, batch: Batch, rows: Sequence[int], check: bool, tally: _Tally) -> None:
        """Send rows until the fate of each is known or `stop` is set."""
        who, attempt = object(), 0
        try:
            while rows:
                if self._stop.is_set():
                    tally.pending.extend(rows)
                    return
                try:
                    async with self._slots:
                        rows = await self._drop_existing(batch, rows, check, tally)
                        items = await self._send(batch, rows) if rows else []
                except Unavailable as error:
                    check = True
                    await self._waiting.pause(who, attempt, len(rows), str(error))
                    attempt += 1
                    continue
                except _Indivisible as error:
                    await self._divide(batch, rows, check, error, tally)
                    return
                moved = self._find_moved(batch, rows, items)
                left, words = _sort_out(rows, items, tally)
                if moved:
                    await self._remove_copies(batch, moved, tally)
                attempt = attempt + 1 if len(left) == len(rows) else 0
                rows = left
                if rows:
                    await self._waiting.pause(who, attempt, len(rows), words)
        finally:
            self._waiting.end(who)

    async def _send(self, batch: Batch, rows: Sequence[int]) -> list[Item]:
        moment = datetime.fromtimestamp(self._now(), UTC)
        ingested = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".encode()
        answer = await self._client.request(
            "POST",
            "/_bulk",
            body=build_body(batch, rows, ingested),
            lines=True,
            params={"filter_path": ANSWER_FIELDS},
        )
        if answer.status == 200:
            try:
                return parse_answer(answer.body, len(rows))
            except ValueError as error:
                raise Unavailable(str(error)) from error
        words = f"status {answer.status}: {answer.body[:300].decode('utf-8', 'replace')}"
        if answer.status in (400, 413):
            raise _Indivisible(answer.status, words)
        raise Unavailable(words)

    async def _divide(
        self, batch: Batch, rows: Sequence[int], check: bool, error: _Indivisible, tally: _Tally
    ) -> None:
        """Send the halves of a request that was refused as a whole; a single row of one is refused."""
        if len(rows) == 1:
            reason: ReasonCode = "too_large" if error.status == 413 else "refused_by_elasticsearch"
            tally.refused.append(Refusal(rows[0], reason, str(error)))
            return
        middle = len(rows) // 2
        await self._deliver(batch, rows[:middle], check, tally)
        await self._deliver(batch, rows[middle:], check, tally)

    async def _drop_existing(
        self, batch: Batch, rows: Sequence[int], check: bool, tally: _Tally
    ) -> Sequence[int]:
        """The rows that no older backing index holds, looked up where that is asked for or likely."""
        due = self._indices.list_due()
        if not check and not (due and any(batch.split_key(row)[0] in due for row in rows)):
            return rows
        found = await self._find(batch, rows)
        if not found:
            return rows
        left = [row for row in rows if batch.split_key(row) not in found]
        tally.existing += len(rows) - len(left)
        return left

    async def _find(
        self, batch: Batch, rows: Sequence[int], without: Set[str] = frozenset()
    ) -> set[Identity]:
        identities: dict[bytes, list[bytes]] = {}
        for row in rows:
            target, identity = batch.split_key(row)
            identities.setdefault(target, []).append(identity)
        return await self._indices.find(identities, without)

    def _find_moved(self, batch: Batch, rows: Sequence[int], items: Sequence[Item]) -> dict[int, str]:
        """Rows written just now into an index that is new behind their target, with its name."""
        fresh: set[str] = set()
        moved: dict[int, str] = {}
        last_target, last_index = b"", ""
        for row, item in zip(rows, items, strict=True):
            if not 200 <= item.status < 300:
                continue
            target = batch.keys[row].partition(b"/")[0]
            if item.index != last_index or target != last_target:
                if self._indices.notice(target, item.index):
                    fresh.add(item.index)
                last_target, last_index = target, item.index
            if item.index in fresh:
                moved[row] = item.index
        return moved

    async def _remove_copies(self, batch: Batch, moved: dict[int, str], tally: _Tally) -> None:
        """Take back what was written after a rollover nobody knew of and an older index held already.

        Only the first request after a rollover comes here, and only what a shipper or a replay sent again is
        found.
        """
        who, attempt, found = object(), 0, set[Identity]()
        try:
            while not self._stop.is_set():
                try:
                    # Not in the index just written to, which a further rollover may have made an older one: what
                    # is found there is no copy but the document itself.
                    found = await self._find(batch, tuple(moved), frozenset(moved.values()))
                    rows = [row for row in moved if batch.split_key(row) in found]
                    await self._delete([(moved[row], batch.split_key(row)[1]) for row in rows])
                except Unavailable as error:
                    await self._waiting.pause(who, attempt, len(moved), str(error))
                    attempt += 1
                    continue
                tally.created -= len(rows)
                tally.existing += len(rows)
                return
        finally:
            self._waiting.end(who)

    async def _delete(self, copies: Sequence[tuple[str, bytes]]) -> None:
        if not copies:
            return
        body = b"".join(
            b'{"delete":{"_index":"' + index.encode() + b'","_id":"' + identity + b'"}}\n'
            for index, identity in copies
        )
        answer = await self._client.request(
            "POST", "/_bulk", body=body, lines=True, params={"filter_path": ANSWER_FIELDS}
        )
        if answer.status != 200:
            raise Unavailable(f"status {answer.status} for the removal of duplicates")
        items = parse_answer(answer.body, len(copies))
        if any(item.status == 429 or item.status >= 500 for item in items):
            raise Unavailable("not all duplicates could be removed")
        left = [item for item in items if item.status >= 400 and item.status != 404]
        if left:
            words = explain_item(left[0])
            logger.warning("{} documents were written twice around a rollover and stay: {}", len(left), words)


def build_elasticsearch_sink(settings: ElasticsearchSettings) -> ElasticsearchSink:
    """The sink for the cluster in the settings. It connects when it writes, in that call's event loop."""
    return ElasticsearchSink(
        build_client(settings),
        bulk_documents=settings.bulk_documents,
        bulk_bytes=settings.bulk_bytes,
        concurrency=settings.concurrency,
        recheck=settings.recheck,
        patience=Patience(),
    )


def _sort_out(rows: Sequence[int], items: Sequence[Item], tally: _Tally) -> tuple[list[int], str]:
    """Enter the fates into the tally; the rows to be sent again, and Elasticsearch's words for the first."""
    left: list[int] = []
    words = ""
    for row, item in zip(rows, items, strict=True):
        fate = judge_item(item)
        if fate == "created":
            tally.created += 1
        elif fate == "existing":
            tally.existing += 1
        elif fate == "refused":
            tally.refused.append(Refusal(row, "refused_by_elasticsearch", explain_item(item)))
        else:
            words = words or explain_item(item)
            left.append(row)
    return left, words

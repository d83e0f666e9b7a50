"""What every DocumentSink does, run on the one in memory and on a real Elasticsearch."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest

from pipeline.settings import ElasticsearchSettings
from pipeline.sinks.elasticsearch import build_elasticsearch_sink
from pipeline.sinks.elasticsearch_client import build_client
from pipeline.sinks.memory import MemorySink
from pipeline.sinks.sink import DocumentSink, WriteResult
from tests.contracts.elasticsearch_streams import build_document, lend_namespace

Result = TypeVar("Result")
Work = Callable[[DocumentSink], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Place:
    """A sink to make as often as wanted, a target in it, and a way to count what is there."""

    build: Callable[[], DocumentSink]
    target: str
    count: Callable[[str], int]

    def run(self, work: Work[Result]) -> Result:
        async def run() -> Result:
            sink = self.build()
            try:
                return await work(sink)
            finally:
                await sink.close()

        return asyncio.run(run())

    def keys(self, *ids: str) -> list[bytes]:
        return [f"{self.target}/{identity}".encode() for identity in ids]


@pytest.fixture(params=["memory", "elasticsearch"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        kept: dict[str, dict[str, bytes]] = {}
        return Place(lambda: MemorySink(kept), "logs-contract-test", lambda target: len(kept.get(target, {})))
    settings: ElasticsearchSettings = request.getfixturevalue("stream_settings")
    return Place(
        lambda: build_elasticsearch_sink(settings),
        f"logs-c{uuid.uuid4().hex[:12]}-{settings.namespace}",
        lambda target: count_documents(settings, target),
    )


@pytest.fixture(scope="module")
def stream_settings(elasticsearch_server: str) -> Iterator[ElasticsearchSettings]:
    with lend_namespace(elasticsearch_server, bulk_documents=500) as settings:
        yield settings


def count_documents(settings: ElasticsearchSettings, target: str) -> int:
    async def count() -> int:
        client = build_client(settings)
        await client.request("POST", f"/{target}/_refresh")
        answer = await client.request("GET", f"/{target}/_count")
        await client.close()
        number: int = answer.decode()["count"]
        return number

    return asyncio.run(count())


def test_documents_are_written_once_each_however_often_they_come(place: Place) -> None:
    keys, documents = place.keys(*map(str, range(1200))), [build_document()] * 1200

    async def write_twice(sink: DocumentSink) -> list[WriteResult]:
        return [await sink.write(keys, documents), await sink.write(keys[600:], documents[600:])]

    assert place.run(write_twice) == [WriteResult(created=1200), WriteResult(existing=600)]
    assert place.run(lambda sink: sink.write(keys, documents, check_existing=True)) == WriteResult(
        existing=1200
    )
    assert place.count(place.target) == 1200


def test_the_first_document_of_an_id_stays_also_within_a_batch(place: Place) -> None:
    documents = [build_document(message="first"), build_document(message="second")]
    result = place.run(lambda sink: sink.write(place.keys("a", "a"), documents))
    assert result == WriteResult(created=1, existing=1)
    assert place.count(place.target) == 1


def test_what_cannot_be_taken_is_refused_by_row_and_keeps_nothing_else_back(place: Place) -> None:
    good = build_document()
    keys: list[bytes | None] = [*place.keys("a", "b", "c", "d", "e"), None, b"nonsense", *place.keys("f")]
    documents = [good, b"[1]", None, b'{"no":"time"}', b"{broken", good, good, good]
    result = place.run(lambda sink: sink.write(keys, documents))
    assert result.created == 2
    assert [(refusal.row, refusal.reason) for refusal in result.refused] == [
        (1, "refused_by_elasticsearch"),
        (2, "empty_record"),
        (3, "refused_by_elasticsearch"),
        (4, "refused_by_elasticsearch"),
        (5, "invalid_record"),
        (6, "invalid_record"),
    ]
    assert all(refusal.message for refusal in result.refused)
    assert place.count(place.target) == 2


def test_an_empty_batch_is_nothing_to_do(place: Place) -> None:
    assert place.run(lambda sink: sink.write([], [])) == WriteResult()


def test_several_targets_in_one_batch_each_get_their_own(place: Place) -> None:
    other = place.target.replace("logs-", "logs-o", 1)
    keys = [f"{target}/{number}".encode() for number in range(10) for target in (place.target, other)]
    assert place.run(lambda sink: sink.write(keys, [build_document()] * 20)) == WriteResult(created=20)
    assert (place.count(place.target), place.count(other)) == (10, 10)


def test_a_stopped_sink_leaves_every_row_undecided(place: Place) -> None:
    async def write(sink: DocumentSink) -> WriteResult:
        sink.stop()
        return await sink.write([*place.keys("a"), None], [build_document(), b"{}"])

    result = place.run(write)
    assert result.pending == (0,)
    assert [refusal.row for refusal in result.refused] == [1]

"""Exactly one document a line across rollovers, and what our templates make of documents, on a real server."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pipeline.settings import ElasticsearchSettings
from pipeline.sinks.elasticsearch import ElasticsearchSink, build_elasticsearch_sink
from pipeline.sinks.elasticsearch_client import ElasticsearchClient, build_client
from pipeline.sinks.sink import WriteResult
from tests.contracts.elasticsearch_streams import build_document, lend_namespace


@pytest.fixture(scope="module")
def settings(elasticsearch_server: str) -> Iterator[ElasticsearchSettings]:
    with lend_namespace(elasticsearch_server) as made:
        yield made


class Stream:
    """A data stream with a sink and a client at hand."""

    def __init__(
        self, settings: ElasticsearchSettings, sink: ElasticsearchSink, client: ElasticsearchClient
    ) -> None:
        self.settings, self.sink, self.client = settings, sink, client
        self.name = f"logs-r{uuid.uuid4().hex[:12]}-{settings.namespace}"

    async def write(self, *ids: str, check_existing: bool = False) -> WriteResult:
        keys = [f"{self.name}/{identity}".encode() for identity in ids]
        return await self.sink.write(keys, [build_document()] * len(ids), check_existing=check_existing)

    async def roll_over(self) -> None:
        answer = await self.client.request("POST", f"/{self.name}/_rollover")
        assert answer.status == 200, answer.body

    async def ids(self) -> list[str]:
        await self.client.request("POST", f"/{self.name}/_refresh")
        answer = await self.client.request("GET", f"/{self.name}/_search", params={"size": "1000"})
        return sorted(hit["_id"] for hit in answer.decode()["hits"]["hits"])


@asynccontextmanager
async def open_stream(settings: ElasticsearchSettings) -> AsyncIterator[Stream]:
    sink, client = build_elasticsearch_sink(settings), build_client(settings)
    try:
        yield Stream(settings, sink, client)
    finally:
        await sink.close()
        await client.close()


def run(settings: ElasticsearchSettings, work: Callable[[Stream], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_stream(settings) as stream:
            await work(stream)

    asyncio.run(run())


def test_a_replay_after_rollovers_gives_exactly_one_document(settings: ElasticsearchSettings) -> None:
    """Without the check Elasticsearch takes the same id a second time: the last lines show that it does."""

    async def work(stream: Stream) -> None:
        await stream.write("a", "b")
        await stream.roll_over()
        await stream.write("c")
        await stream.roll_over()
        async with open_stream(settings) as other:
            other.name = stream.name
            assert await other.write("a", "b", "c", "d", check_existing=True) == WriteResult(
                created=1, existing=3
            )
        assert await stream.ids() == ["a", "b", "c", "d"]
        async with open_stream(settings) as other:
            other.name = stream.name
            assert await other.write("a") == WriteResult(created=1)
        assert await stream.ids() == ["a", "a", "b", "c", "d"]

    run(settings, work)


def test_a_rollover_between_two_batches_is_noticed_and_copies_are_taken_back(
    settings: ElasticsearchSettings,
) -> None:
    """What a shipper sends again around a rollover collapses although nobody asked for a check."""

    async def work(stream: Stream) -> None:
        assert await stream.write("a", "b", "c") == WriteResult(created=3)
        await stream.roll_over()
        assert await stream.write("a", "d") == WriteResult(created=1, existing=1)
        assert await stream.write("b", "d", "e") == WriteResult(created=1, existing=2)
        assert await stream.ids() == ["a", "b", "c", "d", "e"]

    run(settings, work)


def test_many_ids_are_looked_up_in_several_searches(settings: ElasticsearchSettings) -> None:
    async def work(stream: Stream) -> None:
        ids = [str(number) for number in range(6000)]
        await stream.write(*ids)
        await stream.roll_over()
        await stream.write("x")
        await stream.roll_over()
        assert await stream.write(*ids, "y", check_existing=True) == WriteResult(created=1, existing=6000)

    run(settings, work)


def test_a_mapping_conflict_is_refused_with_the_reason(settings: ElasticsearchSettings) -> None:
    async def work(stream: Stream) -> None:
        keys = [f"{stream.name}/{number}".encode() for number in range(3)]
        documents = [build_document(), build_document(host="web-1"), build_document()]
        result = await stream.sink.write(keys, documents)
        assert (result.created, result.existing, result.pending) == (2, 0, ())
        (refusal,) = result.refused
        assert (refusal.row, refusal.reason) == (1, "refused_by_elasticsearch")
        assert "host" in refusal.message
        assert "document_parsing_exception" in refusal.message

    run(settings, work)


def test_odd_values_do_not_keep_a_document_out(settings: ElasticsearchSettings) -> None:
    """Thousands of keys, a number where another document has an object, text where an address belongs, long text."""

    async def work(stream: Stream) -> None:
        documents = [
            build_document(labels={f"key{number}": number for number in range(3000)}),
            build_document(labels={"key1": {"deep": True}}, json={"a": 1}),
            build_document(json={"a": {"b": "x" * 40_000}}, logfmt={"level": "info"}),
            build_document(source={"ip": "not an address"}, process={"pid": "many"}),
            build_document(message="m" * 200_000, tags=["x"], error={"stack_trace": "s" * 100_000}),
            build_document(**{f"field{number}": "v" for number in range(1500)}),
            build_document(tailrace={"original_base64": "/wA="}),
        ]
        keys = [f"{stream.name}/{number}".encode() for number in range(len(documents))]
        assert await stream.sink.write(keys, documents) == WriteResult(created=len(documents))

    run(settings, work)


def test_fields_get_their_ecs_types_whatever_document_comes_first(settings: ElasticsearchSettings) -> None:
    async def work(stream: Stream) -> None:
        original = "x" * 50_000
        document = build_document(
            message="time-out while reading",
            source={"ip": "10.1.2.3", "port": 443},
            process={"pid": 7, "start": "2026-07-01T10:00:00Z"},
            http={"response": {"status_code": 200}},
            user={"name": "2026-07-01"},
            my={"own": "word", "ip": "::1", "number": 1.5},
            event={"original": original, "dataset": "r", "duration": 5},
        )
        assert await stream.sink.write([f"{stream.name}/1".encode()], [document]) == WriteResult(created=1)
        answer = await stream.client.request("GET", f"/{stream.name}/_mapping")
        ((_, body),) = answer.decode().items()
        types = dict(list_types(body["mappings"]["properties"]))
        expected = {
            "@timestamp": "date",
            "event.ingested": "date",
            "event.duration": "long",
            "source.ip": "ip",
            "source.port": "long",
            "process.pid": "long",
            "process.start": "date",
            "http.response.status_code": "long",
            "user.name": "keyword",
            "my.own": "keyword",
            "my.ip": "ip",
            "my.number": "double",
            "labels": "flattened",
        }
        assert {name: types.get(name) for name in expected} == expected
        assert types["message"] in ("match_only_text", "text")
        await stream.client.request("POST", f"/{stream.name}/_refresh")
        query = {
            "query": {
                "bool": {"filter": [{"match": {"message": "reading"}}, {"term": {"source.ip": "10.0.0.0/8"}}]}
            }
        }
        answer = await stream.client.request(
            "POST", f"/{stream.name}/_search", body=json.dumps(query).encode()
        )
        (hit,) = answer.decode()["hits"]["hits"]
        assert hit["_source"]["event"]["original"] == original
        assert hit["_source"]["event"]["ingested"] > "2026"

    run(settings, work)


def list_types(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, body in properties.items():
        if "properties" in body:
            yield from list_types(body["properties"], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", body["type"]

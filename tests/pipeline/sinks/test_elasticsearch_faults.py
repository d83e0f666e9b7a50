"""What the sink does when the server does not: every row's fate is known in the end, and none is lost."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
from loguru import logger

from pipeline.settings import ElasticsearchSettings
from pipeline.sinks.bulk_wait import Patience
from pipeline.sinks.elasticsearch import ElasticsearchSink
from pipeline.sinks.elasticsearch_client import build_client
from pipeline.sinks.sink import WriteResult
from tests.pipeline.sinks.scripted_server import Reply, Request, ScriptedServer, accept_all, answer_items

Result = TypeVar("Result")

DOCUMENT = b'{"@timestamp":"2026-07-01T10:00:00.123Z","event":{"dataset":"x"}}'


def build_sink(port: int, **more: Any) -> ElasticsearchSink:
    settings = ElasticsearchSettings(hosts=(f"http://127.0.0.1:{port}",), request_timeout=0.4)
    arguments = {"bulk_documents": 4, "bulk_bytes": 1_000_000, "concurrency": 2, "recheck": 60.0}
    return ElasticsearchSink(
        build_client(settings), patience=Patience(first=0.01, longest=0.05), **(arguments | more)
    )


def list_keys(count: int) -> list[bytes]:
    return [f"t/{number:02d}".encode() for number in range(count)]


async def write(port: int, count: int, **more: Any) -> WriteResult:
    sink = build_sink(port, **more)
    try:
        return await asyncio.wait_for(sink.write(list_keys(count), [DOCUMENT] * count), 20)
    finally:
        await sink.close()


def misbehave_once(how: Callable[[Request], Awaitable[Reply]]) -> Callable[[Request], Awaitable[Reply]]:
    """The first bulk request gets what `how` gives, the others are taken."""
    done: list[bool] = []

    async def script(request: Request) -> Reply:
        if request.path.startswith("/_resolve"):
            return Reply(body=b'{"indices":[],"aliases":[],"data_streams":[]}')
        if not done:
            done.append(True)
            return await how(request)
        return accept_all(request)

    return script


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    number = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    logger.remove(number)


def test_an_unreachable_server_is_waited_for_and_nothing_is_lost(told: list[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def run() -> tuple[WriteResult, list[str]]:
        task = asyncio.create_task(write(port, 10))
        await asyncio.sleep(0.3)
        assert not task.done()
        async with ScriptedServer(misbehave_once(accept), port) as server:
            result = await task
            return result, sorted(id_ for request in server.bulks for id_ in request.ids)

    async def accept(request: Request) -> Reply:
        return accept_all(request)

    result, ids = asyncio.run(run())
    assert result == WriteResult(created=10)
    assert ids == [f"{number:02d}" for number in range(10)]
    ours = [line for line in told if line.startswith("Elasticsearch does not take documents")]
    assert len(ours) == 1
    assert "ConnectionError" in ours[0]


async def hang(request: Request) -> Reply:
    await asyncio.sleep(2)
    return accept_all(request)


async def drop(request: Request) -> Reply:
    return Reply(status=0)


async def overload(request: Request) -> Reply:
    return Reply(429, b'{"error":{"type":"es_rejected_execution_exception"},"status":429}')


async def fail(request: Request) -> Reply:
    return Reply(503, b"no master")


async def forbid(request: Request) -> Reply:
    return Reply(403, b'{"error":{"type":"security_exception"},"status":403}')


async def garble(request: Request) -> Reply:
    return Reply(200, b'{"errors":false,"items":[{"cre')


async def pretend(request: Request) -> Reply:
    return Reply(200, b'{"errors":false,"items":[]}', product=False)


@pytest.mark.parametrize("how", [hang, drop, overload, fail, forbid, garble, pretend])
def test_a_request_that_fails_as_a_whole_is_repeated(how: Callable[[Request], Awaitable[Reply]]) -> None:
    async def run() -> tuple[WriteResult, ScriptedServer]:
        async with ScriptedServer(misbehave_once(how)) as server:
            return await write(server.port, 4), server

    result, server = asyncio.run(run())
    assert result == WriteResult(created=4)
    assert [request.ids for request in server.bulks] == [["00", "01", "02", "03"]] * 2


def test_after_a_failure_the_older_indices_are_asked_since_it_may_have_been_written() -> None:
    async def run() -> list[str]:
        async with ScriptedServer(misbehave_once(drop)) as server:
            await write(server.port, 4)
            return [request.path.split("?")[0] for request in server.requests]

    assert asyncio.run(run()) == ["/_bulk", "/_resolve/index/t", "/_bulk"]


def test_only_items_that_were_turned_away_for_now_are_sent_again() -> None:
    async def reject_some(request: Request) -> Reply:
        busy = {"_index": "i", "status": 429, "error": {"type": "es_rejected_execution_exception"}}
        bad = {"_index": "i", "status": 400, "error": {"type": "document_parsing_exception", "reason": "no"}}
        there = {"_index": "i", "status": 409, "error": {"type": "version_conflict_engine_exception"}}
        return answer_items({"_index": "i", "status": 201}, busy, bad, there)

    async def run() -> tuple[WriteResult, ScriptedServer]:
        async with ScriptedServer(misbehave_once(reject_some)) as server:
            return await write(server.port, 4), server

    result, server = asyncio.run(run())
    assert (result.created, result.existing, result.pending) == (2, 1, ())
    assert [(refusal.row, refusal.reason) for refusal in result.refused] == [(2, "refused_by_elasticsearch")]
    assert result.refused[0].message == "400 document_parsing_exception: no"
    assert [request.ids for request in server.bulks] == [["00", "01", "02", "03"], ["01"]]


@pytest.mark.parametrize(("status", "reason"), [(413, "too_large"), (400, "refused_by_elasticsearch")])
def test_a_request_refused_as_a_whole_is_halved_down_to_the_one_to_blame(status: int, reason: str) -> None:
    async def refuse_one(request: Request) -> Reply:
        return Reply(status, b"too much") if "05" in request.ids else accept_all(request)

    async def run() -> WriteResult:
        async with ScriptedServer(refuse_one) as server:
            return await write(server.port, 8, bulk_documents=8)

    result = asyncio.run(run())
    assert result.created == 7
    assert [(refusal.row, refusal.reason) for refusal in result.refused] == [(5, reason)]


def test_stop_ends_the_retries_and_tells_what_is_undecided() -> None:
    async def run() -> WriteResult:
        async with ScriptedServer(fail) as server:
            sink = build_sink(server.port)
            task = asyncio.create_task(sink.write([*list_keys(5), b"bad"], [DOCUMENT] * 6))
            await asyncio.sleep(0.1)
            assert not task.done()
            sink.stop()
            result = await asyncio.wait_for(task, 5)
            await sink.close()
            return result

    result = asyncio.run(run())
    assert result.pending == (0, 1, 2, 3, 4)
    assert (result.created, result.existing) == (0, 0)
    assert [refusal.row for refusal in result.refused] == [5]


def test_no_more_requests_are_under_way_at_once_than_the_settings_allow() -> None:
    async def linger(request: Request) -> Reply:
        await asyncio.sleep(0.02)
        return accept_all(request)

    async def run() -> tuple[list[WriteResult], int]:
        async with ScriptedServer(linger) as server:
            sink = build_sink(server.port, bulk_documents=2)
            results = await asyncio.gather(*(sink.write(list_keys(12), [DOCUMENT] * 12) for _ in range(2)))
            await sink.close()
            return results, server.most_at_once

    results, most = asyncio.run(run())
    assert [result.created for result in results] == [12, 12]
    assert most == 2


def test_credentials_are_sent_and_shown_in_no_log(told: list[str]) -> None:
    heads: list[str] = []

    async def run() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        from pipeline.settings import Secret

        settings = ElasticsearchSettings(hosts=(f"http://127.0.0.1:{port}",), api_key=Secret("aHVudGVyMg=="))
        sink = ElasticsearchSink(
            build_client(settings),
            bulk_documents=1,
            bulk_bytes=1,
            concurrency=1,
            recheck=1,
            patience=Patience(first=0.01, longest=0.01),
        )
        task = asyncio.create_task(sink.write([b"t/i"], [DOCUMENT]))
        while len(heads) < 2:
            await asyncio.sleep(0.01)
        sink.stop()
        await task
        await sink.close()
        server.close()

    asyncio.run(run())
    assert "authorization: apikey ahvudgvymg==" in heads[0]
    assert told
    assert "aHVudGVyMg" not in "\n".join(told)


def test_a_document_is_never_taken_for_its_own_copy() -> None:
    """After a rollover is noticed, copies are looked for in the indices before it, however many came since."""

    async def roll_over_twice(request: Request) -> Reply:
        if request.path.startswith("/_bulk"):
            index = "i-1" if "00" in request.ids else "i-2"
            return answer_items(*[{"_index": index, "status": 201} for _ in request.ids])
        if request.path.startswith("/_resolve"):
            stream = {"name": "t", "backing_indices": ["i-1", "i-2", "i-3"], "timestamp_field": "@timestamp"}
            return Reply(body=json.dumps({"indices": [], "aliases": [], "data_streams": [stream]}).encode())
        if request.path.startswith("/_msearch"):
            return Reply(body=b'{"responses":[{"timed_out":false,"_shards":{"failed":0}}]}')
        return Reply()

    async def run() -> tuple[list[WriteResult], ScriptedServer]:
        async with ScriptedServer(roll_over_twice) as server:
            sink = build_sink(server.port)
            results = [await sink.write([key], [DOCUMENT]) for key in list_keys(2)]
            await sink.close()
            return results, server

    results, server = asyncio.run(run())
    assert results == [WriteResult(created=1)] * 2
    searches = [request for request in server.requests if request.path.startswith("/_msearch")]
    assert [json.loads(search.body.splitlines()[0])["index"] for search in searches] == [["i-1"]]
    refreshed = [request.path.split("?")[0] for request in server.requests if "_refresh" in request.path]
    assert refreshed == ["/i-1/_refresh"]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500, b"{}"),
        Reply(body=b'{"responses":[{"error":{"type":"x"}}]}'),
        Reply(body=b'{"responses":[{"timed_out":true,"_shards":{"failed":0}}]}'),
        Reply(body=b'{"responses":[{"timed_out":false,"_shards":{"failed":1}}]}'),
    ],
)
def test_a_look_for_existing_documents_that_is_not_complete_is_repeated(answer: Reply) -> None:
    searched: list[bool] = []

    async def half_answer(request: Request) -> Reply:
        if request.path.startswith("/_resolve"):
            stream = {"name": "t", "backing_indices": ["i-1", "i-2"], "timestamp_field": "@timestamp"}
            return Reply(body=json.dumps({"indices": [], "aliases": [], "data_streams": [stream]}).encode())
        if request.path.startswith("/_msearch"):
            searched.append(True)
            hits = (
                b'{"responses":[{"timed_out":false,"_shards":{"failed":0},"hits":{"hits":[{"_id":"01"}]}}]}'
            )
            return answer if len(searched) == 1 else Reply(body=hits)
        if request.path.startswith("/_bulk"):
            return answer_items(*[{"_index": "i-2", "status": 201} for _ in request.ids])
        return Reply()

    async def run() -> tuple[WriteResult, ScriptedServer]:
        async with ScriptedServer(half_answer) as server:
            sink = build_sink(server.port)
            result = await sink.write(list_keys(3), [DOCUMENT] * 3, check_existing=True)
            await sink.close()
            return result, server

    result, server = asyncio.run(run())
    assert result == WriteResult(created=2, existing=1)
    assert [request.ids for request in server.bulks] == [["00", "02"]]
    assert len(searched) == 2


def test_the_moment_of_indexing_comes_from_the_clock_that_is_given() -> None:
    async def accept(request: Request) -> Reply:
        return accept_all(request)

    async def run() -> bytes:
        async with ScriptedServer(accept) as server:
            await write(server.port, 1, now=lambda: 1_782_900_000.5)
            return server.bulks[0].body

    assert b'"event":{"ingested":"2026-07-01T10:00:00.500Z","dataset":"x"}' in asyncio.run(run())

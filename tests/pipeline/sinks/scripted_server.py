"""A small HTTP server on a real socket that misbehaves as told: what a real Elasticsearch does only by accident."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes

    @property
    def ids(self) -> list[str]:
        """The ids of a bulk request, in its order."""
        return [json.loads(line)["create"]["_id"] for line in self.body.splitlines()[::2]]


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` 0 closes the connection without a word."""

    status: int = 200
    body: bytes = b"{}"
    product: bool = True


Script = Callable[[Request], Awaitable[Reply]]


def answer_items(*items: dict[str, Any]) -> Reply:
    errors = any(item["status"] >= 400 for item in items)
    return Reply(body=json.dumps({"errors": errors, "items": [{"create": item} for item in items]}).encode())


def accept_all(request: Request) -> Reply:
    return answer_items(*[{"_index": "i", "status": 201} for _ in request.ids])


@dataclass(slots=True)
class ScriptedServer:
    """Answers each request with what the script says; `requests` holds all that came."""

    script: Script
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    _now: int = 0
    _server: asyncio.Server | None = None

    @property
    def bulks(self) -> list[Request]:
        return [request for request in self.requests if request.path.startswith("/_bulk")]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                lengths = [
                    line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length:")
                ]
                request = Request(method, path, await reader.readexactly(int(lengths[0]) if lengths else 0))
                self.requests.append(request)
                self._now += 1
                self.most_at_once = max(self.most_at_once, self._now)
                try:
                    reply = await self.script(request)
                finally:
                    self._now -= 1
                if not reply.status:
                    break
                product = "x-elastic-product: Elasticsearch\r\n" if reply.product else ""
                writer.write(
                    f"HTTP/1.1 {reply.status} X\r\ncontent-type: application/json\r\n{product}"
                    f"content-length: {len(reply.body)}\r\n\r\n".encode()
                    + reply.body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

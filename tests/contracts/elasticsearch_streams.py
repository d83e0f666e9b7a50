"""A namespace of its own on a shared Elasticsearch, with our templates in force."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.settings import ElasticsearchSettings
from pipeline.sinks.elasticsearch_client import build_client
from pipeline.sinks.template_setup import set_up_elasticsearch


@contextmanager
def lend_namespace(server: str, bulk_documents: int = 5000) -> Iterator[ElasticsearchSettings]:
    """Settings for a fresh namespace; its streams and templates go away as far as the server can delete them."""
    name = f"t{uuid.uuid4().hex[:8]}"
    settings = ElasticsearchSettings(
        hosts=(server,),
        namespace=name,
        bursts_index=f"bursts-{name}",
        replicas=0,
        bulk_documents=bulk_documents,
    )
    asyncio.run(_set_up(settings))
    yield settings
    asyncio.run(_clean_up(settings))


async def _set_up(settings: ElasticsearchSettings) -> None:
    client = build_client(settings)
    await set_up_elasticsearch(settings, client)
    await client.close()


async def _clean_up(settings: ElasticsearchSettings) -> None:
    client = build_client(settings)
    name, bursts = settings.namespace, settings.bursts_index
    for path in (
        f"_data_stream/logs-*-{name}",
        bursts,
        f"_index_template/{bursts}",
        f"_index_template/tailrace-logs-{name}",
    ):
        await client.request("DELETE", f"/{path}")
    await client.close()


def build_document(**more: object) -> bytes:
    """A document that starts as ours do."""
    return json.dumps(
        {"@timestamp": "2026-07-01T10:00:00.123Z", "event": {"dataset": "r"}, "host": {"name": "a"}, **more},
        separators=(",", ":"),
    ).encode()

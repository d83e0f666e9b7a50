"""Kafka to Elasticsearch by the index agent, beside a bare bulk loader with the same documents.

The documents lie in a topic of events, as parse wrote them. The loader has its request bodies ready in memory, posts
them over two connections and looks at nothing but whether there were errors; the agent reads Kafka, and knows the fate
of every document. Both write to the same data streams, which are made anew for each of them.
"""

import asyncio
import http.client
import itertools
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.contender import Contender, measuring, run, tell
from bench.kafka import build_settings, run_app
from bench.lines import make_mixed
from bench.options import Options
from bench.report import Row, Sample, at_most, compare, to_row
from bench.topics import delete_topics, list_names, name_topics, read_values, send_values, to_names
from pipeline.settings import ElasticsearchSettings, Settings, TopicSettings
from pipeline.setup import set_up

PART = "elasticsearch"
RECORDS = 200_000
QUICK = 30_000
CONNECTIONS = 2
REQUEST = 5_000
GOAL = 0.95
# Seconds of the agent's own CPU for a million documents.
CPU_LIMIT = 10
_BATCH = 10_000


def build_own_settings(kafka: str, elasticsearch: str, topics: dict[str, str], namespace: str) -> Settings:
    """Settings with a namespace of its own, and otherwise the defaults of a single node."""
    sink = ElasticsearchSettings(
        hosts=(elasticsearch,), namespace=namespace, bursts_index=f"bursts-{namespace}", replicas=0
    )
    return build_settings(kafka, TopicSettings(**topics), elasticsearch=sink)


def index_topic(
    kafka: str, elasticsearch: str, topics: dict[str, str], namespace: str, records: int
) -> Sample:
    """Contender: the agent index, from its first batch to the last document that Elasticsearch has."""
    settings = build_own_settings(kafka, elasticsearch, topics, namespace)
    watch = asyncio.run(run_app(settings, ("index",), settings.kafka.topics.events, records))
    return watch.to_sample(records)


def load_bare(kafka: str, elasticsearch: str, topics: dict[str, str], namespace: str, records: int) -> Sample:
    """Contender: bodies made beforehand, posted as they are."""
    address = urlsplit(elasticsearch)
    bodies: list[bytes] = []
    found = read_values(kafka, topics["events"], records)
    for start in range(0, records, REQUEST):
        bodies.append(b"".join(itertools.starmap(_to_lines, found[start : start + REQUEST])))
    found.clear()

    def post(number: int) -> None:
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        for body in bodies[number::CONNECTIONS]:
            headers = {"content-type": "application/x-ndjson"}
            connection.request("POST", "/_bulk?filter_path=errors", body=body, headers=headers)
            answer = connection.getresponse().read()
            if b'"errors":false' not in answer:
                errors.append(answer[:500])
        connection.close()

    errors: list[bytes] = []
    threads = [threading.Thread(target=post, args=(number,)) for number in range(CONNECTIONS)]
    with measuring() as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise RuntimeError(f"Elasticsearch refused {len(errors)} requests: {errors[0]!r}")
    sample: Sample = watch.to_sample(records)
    return sample


def _to_lines(key: bytes, document: bytes) -> bytes:
    return b'{"create":{"_index":"%b","_id":"%b"}}\n%b\n' % (*key.split(b"/"), document)


def fill_events(kafka: str, topic: str, namespace: str, records: int) -> list[str]:
    """Put documents of the mixed lines into the topic of events; their data streams."""
    import polars as pl

    from parsers.load import load_rule_set
    from parsers.shipped import shipped_rules_directory
    from pipeline.flow import build_flow
    from pipeline.stages.decode import decode_records

    flow = build_flow(load_rule_set(shipped_rules_directory()), (), (), namespace)
    lines = [line.encode() for line in make_mixed(records)]
    streams: set[str] = set()

    def parse() -> Iterator[tuple[list[bytes], list[bytes]]]:
        for start in range(0, records, _BATCH):
            values = lines[start : start + _BATCH]
            offsets = range(start, start + len(values))
            decoded = decode_records("bench", 0, offsets, [1_773_652_000_000] * len(values), values)
            documents = flow.process(decoded.lines).documents
            streams.update(documents["_stream"].unique())
            keys = pl.concat_str("_stream", pl.lit("/"), "_id").cast(pl.Binary)
            yield (
                documents.select(keys).to_series().to_list(),
                documents["document"].cast(pl.Binary).to_list(),
            )

    send_values(kafka, topic, parse())
    return sorted(streams)


def make_streams(server: str, streams: Sequence[str]) -> None:
    """Make data streams with one document each: a contender's time is not to hold that of a stream's making."""
    action = '{"create":{"_index":"%s"}}\n{"@timestamp":"2026-03-16T08:00:00.000Z","message":"first"}\n'
    answer = ask(server, "POST", "/_bulk", "".join(action % stream for stream in streams).encode())
    if answer["errors"]:
        raise RuntimeError(f"cannot make data streams: {answer}")


def ask(server: str, method: str, path: str, body: bytes | None = None) -> Any:
    """The decoded answer of one request; RuntimeError for a refusal."""
    address = urlsplit(server)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    connection.request(method, path, body, {"content-type": "application/x-ndjson"} if body else {})
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    if answer.status not in (200, 404):
        raise RuntimeError(f"{method} {path}: {answer.status} {found[:500]!r}")
    return json.loads(found)


@contextmanager
def own_namespace(settings: Settings, server: str) -> Iterator[None]:
    """Topics and templates made as `tailrace setup` makes them, and everything deleted afterwards."""
    namespace, bursts = settings.elasticsearch.namespace, settings.elasticsearch.bursts_index
    try:
        asyncio.run(set_up(settings))
        yield
    finally:
        delete_topics(settings.kafka.bootstrap_servers[0], list_names(settings.kafka.topics))
        left = []
        for path in (
            f"_data_stream/logs-*-{namespace}",
            bursts,
            f"_index_template/tailrace-logs-{namespace}",
            f"_index_template/{bursts}",
        ):
            try:
                ask(server, "DELETE", f"/{path}")
            except RuntimeError:
                left.append(path)
        if left:
            # A minimal Elasticsearch, as the tests can start it, has no way to delete data streams.
            tell(f"could not be deleted: {', '.join(left)}")


def run_one(name: str, kafka: str, elasticsearch: str, records: int) -> Sample:
    """One run of a contender on topics, templates and data streams of its own."""
    namespace, topics = f"bench{uuid4().hex[:8]}", to_names(name_topics())
    servers = {"kafka": kafka, "elasticsearch": elasticsearch}
    arguments = {**servers, "topics": topics, "namespace": namespace, "records": records}
    with own_namespace(build_own_settings(kafka, elasticsearch, topics, namespace), elasticsearch):
        streams = fill_events(kafka, topics["events"], namespace, records)
        make_streams(elasticsearch, streams)
        target, is_worker = CONTENDERS[name]
        sample = run(Contender(name, target, arguments, is_worker=is_worker))
        ask(elasticsearch, "POST", f"/logs-*-{namespace}/_refresh")
        written = ask(elasticsearch, "GET", f"/logs-*-{namespace}/_count")["count"] - len(streams)
        if written != records:
            raise RuntimeError(f"{name}: {written} documents of {records}")
    return sample


# The function of each, and whether its allocators are those of a worker.
CONTENDERS = {
    "bare bulk loader": ("bench.elasticsearch:load_bare", False),
    "agent index, Kafka to Elasticsearch": ("bench.elasticsearch:index_topic", True),
}


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    records = options.choose(RECORDS, QUICK)
    kafka, server = options.kafka(), options.elasticsearch()
    samples: dict[str, list[Sample]] = {name: [] for name in CONTENDERS}
    run_one("bare bulk loader", kafka, server, min(REQUEST, records))
    for number in range(options.rounds):
        for name, found in samples.items():
            found.append(run_one(name, kafka, server, records))
            tell(f"round {number + 1} of {options.rounds}: {name}: {found[-1].rate:,.0f}/s")
    bare, ours = samples.values()
    return [
        *(to_row(PART, name, found) for name, found in samples.items()),
        *compare(PART, "agent index / bare bulk loader", ours, bare, GOAL)[:1],
        at_most(
            PART,
            "agent index, its own CPU for a million documents",
            [sample.cpu / sample.count * 1e6 for sample in ours],
            "s",
            CPU_LIMIT,
        ),
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

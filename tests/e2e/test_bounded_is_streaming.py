"""The same lines from files and through Kafka: the same documents and the same bursts, whoever ships them."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline.demo.scenario import MINUTE, MINUTES, START, build_scenario, write_scenario
from tests.e2e.support import Pipeline, to_burst
from tests.e2e.support_lines import Burst, Line, to_filebeat, to_vector

Documents: TypeAlias = dict[tuple[str, int], dict[str, Any]]

READ_AT = START + (MINUTES + 10) * MINUTE
"""The files' modification time, and when the shippers read them: what a line without a time or a year goes by."""

ODD_LINES = (
    "",
    "no rule knows this",
    "a NUL \0 in a line",
    "\x1b[31mred\x1b[0m",
    "žluťoučký kůň 🐎",
    '{"level":"error","msg":"refused","user":{"id":7},"took":1.5}',
    "level=warn msg=slow took=15ms",
)

# What a file on this machine cannot know. `_id` differs too, since a shipper's name is part of it.
ONLY_SHIPPERS_KNOW = {
    "agent.ephemeral_id",
    "agent.id",
    "agent.name",
    "agent.type",
    "agent.version",
    "event.created",
    "host.name",
    "input.type",
}
ONLY_KAFKA_KNOWS = {"kafka.offset", "kafka.partition", "kafka.topic"}
ONLY_THE_INDEX_KNOWS = {"event.ingested"}
# The namespace is a setting of Elasticsearch; a burst's message names its host.
SAID_ELSEWHERE = {"data_stream.namespace"}
LEFT_OUT = ONLY_SHIPPERS_KNOW | ONLY_KAFKA_KNOWS | ONLY_THE_INDEX_KNOWS | SAID_ELSEWHERE


@pytest.mark.slow
def test_files_and_kafka_give_the_same(pipeline: Pipeline) -> None:
    files = write_files(pipeline.folder / "logs")
    paths = [str(path) for path in files]
    parsed = [json.loads(line) for line in pipeline.run("parse", *paths).splitlines()]
    bounded = collect(parsed)
    bounded_bursts = [json.loads(line) for line in pipeline.run("bursts", *paths).splitlines()]
    pipeline.run("run", *paths, "--store", "store")
    stored = pipeline.run("search", "--store", "store", "--json", "--limit", "0", "").splitlines()
    assert len(bounded) == sum(len(events) for events in files.values()) == len(parsed)
    assert list(differ(collect(json.loads(line) for line in stored), bounded)) == []

    ships = {"filebeat": list(ship(files, "filebeat")), "vector": list(ship(files, "vector"))}
    pipeline.set_up()
    for lines in ships.values():
        pipeline.send(lines)
    worker = pipeline.start()
    pipeline.wait_for([line for lines in ships.values() for line in lines])
    wanted = sorted(to_burst(burst) for burst in bounded_bursts)
    pipeline.wait_for_bursts([*wanted, *wanted])
    assert worker.stop() < 10

    sources = [hit["_source"] for hit in pipeline.hits()]
    assert {hit["host"]["name"] for hit in sources if "agent" not in hit} >= {"host-of-vector"}
    for shipper, lines in ships.items():
        streamed = collect(hit for hit in sources if ("agent" in hit) == (shipper == "filebeat"))
        assert list(differ(streamed, bounded)) == []
        assert len(lines) == len(bounded)
        host = f"host-of-{shipper}"
        found = [burst for burst in pipeline.bursts() if burst.host == host]
        assert [Burst(burst.start, burst.rule, burst.dataset, None, burst.count) for burst in found] == wanted
    assert pipeline.read("dead") == []


def write_files(folder: Path) -> Mapping[Path, list[str]]:
    """The demo's logs, odd lines, and lines behind the bursts, which close their windows; events by file."""
    scenario = build_scenario(seed=3, lines=3000)
    files = dict(zip(map(Path, write_scenario(scenario, folder)), scenario.files.values(), strict=True))
    files[folder / "odd.log"] = list(ODD_LINES)
    files[folder / "late.log"] = [
        f"2026-03-16 09:{MINUTES + 3:02d}:{second:02d},000 [main] INFO  com.example.Shop - order {second} done"
        for second in range(60)
    ]
    for path, events in files.items():
        path.write_text("".join(f"{event}\n" for event in events), newline="\n")
        os.utime(path, (READ_AT / 1000, READ_AT / 1000))
    return files


def ship(files: Mapping[Path, list[str]], shipper: str) -> Iterator[Line]:
    """All events as a shipper sends them, stack traces joined."""
    wrap = {"filebeat": to_filebeat, "vector": to_vector}[shipper]
    host = f"host-of-{shipper}"
    for path, events in files.items():
        offset = 0
        for event in events:
            value = wrap(event, READ_AT, host, str(path), offset)
            yield Line(value, event, READ_AT, host, str(path), offset)
            offset += len(event.encode()) + 1


def collect(documents: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Documents:
    """Documents by path and offset, flat, without what is left out."""
    collected: Documents = {}
    for document in documents:
        fields = {name: as_indexed(name, value) for name, value in flatten(document) if name not in LEFT_OUT}
        place = document["log"]["file"]["path"], document["log"]["offset"]
        assert place not in collected, place
        collected[place] = fields
    return collected


def as_indexed(name: str, value: object) -> object:
    """A `flattened` field, which takes any JSON, gives its numbers back as texts."""
    return str(value) if name.startswith("json.") else value


def differ(found: Documents, wanted: Documents) -> Iterator[tuple[str, object, object, object]]:
    """Place, field and the two values of every difference: what a failure is to show."""
    for place in found.keys() | wanted.keys():
        first, second = found.get(place, {}), wanted.get(place, {})
        for name in first.keys() | second.keys():
            if first.get(name) != second.get(name):
                yield f"{place[0]}:{place[1]}", name, first.get(name), second.get(name)


def flatten(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value

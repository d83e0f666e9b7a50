"""`tailrace setup` on real servers: what it makes, and that a second run changes nothing."""

import asyncio
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner

from pipeline.cli.setup import setup
from pipeline.settings import ElasticsearchSettings, KafkaSettings, Settings, TopicSettings
from pipeline.setup import set_up
from pipeline.sinks.elasticsearch_client import build_client
from pipeline.sinks.setup_step import SetupError, Step


@pytest.fixture
def kafka(kafka_server: str) -> Iterator[KafkaSettings]:
    name = uuid.uuid4().hex[:8]
    topics = TopicSettings(
        *(f"setup-{name}.{topic}" for topic in ("raw", "events", "signals", "bursts", "dead"))
    )
    settings = KafkaSettings(bootstrap_servers=(kafka_server,), topics=topics, partitions=3)
    yield settings

    async def clean_up() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server)
        await admin.start()
        ours = [topic for topic in await admin.list_topics() if topic.startswith(f"setup-{name}.")]
        await admin.delete_topics(ours)
        await admin.close()

    asyncio.run(clean_up())


@pytest.fixture
def elasticsearch(elasticsearch_server: str) -> Iterator[ElasticsearchSettings]:
    name = f"setup{uuid.uuid4().hex[:8]}"
    settings = ElasticsearchSettings(
        hosts=(elasticsearch_server,), namespace=name, bursts_index=f"bursts-{name}", replicas=0
    )
    yield settings

    async def clean_up() -> None:
        client = build_client(settings)
        for path in (
            f"bursts-{name}",
            f"_index_template/bursts-{name}",
            f"_index_template/tailrace-logs-{name}",
        ):
            await client.request("DELETE", f"/{path}")
        await client.close()

    asyncio.run(clean_up())


def run(settings: Settings, *servers: Any) -> dict[str, Step]:
    return {step.name: step for step in asyncio.run(set_up(settings, servers))}


def read(settings: ElasticsearchSettings, path: str) -> Any:
    async def ask() -> Any:
        client = build_client(settings)
        answer = await client.request("GET", path)
        await client.close()
        return answer.decode()

    return asyncio.run(ask())


def test_topics_are_made_once_with_room_for_the_largest_document(kafka: KafkaSettings) -> None:
    settings = Settings(kafka=kafka)
    assert {step.outcome for step in run(settings, "kafka").values()} == {"created"}
    assert {step.outcome for step in run(settings, "kafka").values()} == {"unchanged"}

    async def describe() -> tuple[dict[str, int], dict[str, dict[str, str]]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap_servers))
        await admin.start()
        names = [kafka.topics.raw, kafka.topics.events]
        partitions = {
            topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)
        }
        answers = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        )
        await admin.close()
        resources = [resource for answer in answers for resource in answer.resources]
        return partitions, {
            resource[3]: {entry[0]: entry[1] for entry in resource[4]} for resource in resources
        }

    partitions, options = asyncio.run(describe())
    assert partitions == {kafka.topics.raw: 3, kafka.topics.events: 3}
    assert options[kafka.topics.raw]["max.message.bytes"] == "10485760"
    assert options[kafka.topics.raw]["message.timestamp.type"] == "CreateTime"
    assert options[kafka.topics.events]["max.message.bytes"] == "100000000"
    assert options[kafka.topics.events]["message.timestamp.type"] == "LogAppendTime"


def test_topics_that_differ_are_told_with_the_command_and_left_alone(kafka: KafkaSettings) -> None:
    run(Settings(kafka=kafka), "kafka")
    larger = Settings(kafka=replace(kafka, partitions=5, max_message_bytes=20_000_000))
    for _ in range(2):
        steps = run(larger, "kafka")
        raw = steps[kafka.topics.raw]
        assert raw.outcome == "differs"
        assert "has 3 partitions, the settings say 5" in raw.note
        assert f"--alter --topic {kafka.topics.raw} --partitions 5" in raw.note
        assert f"--alter --topic {kafka.topics.raw} --add-config max.message.bytes=20000000" in raw.note
        assert "max.message.bytes" not in steps[kafka.topics.events].note


def test_what_kafka_refuses_is_told(kafka: KafkaSettings) -> None:
    with pytest.raises(
        SetupError, match=r"Kafka refuses the topic setup-.* \(error 38\): Unable to replicate"
    ):
        run(Settings(kafka=replace(kafka, replication_factor=99)), "kafka")


def test_templates_and_the_bursts_index_are_made_once(elasticsearch: ElasticsearchSettings) -> None:
    settings = Settings(elasticsearch=elasticsearch)
    first = run(settings, "elasticsearch")
    logs = f"tailrace-logs-{elasticsearch.namespace}"
    assert list(first) == ["tailrace-mappings", "tailrace-settings", logs, elasticsearch.bursts_index]
    assert first[logs].outcome == "created"
    paths = [
        "/_component_template/tailrace-mappings",
        "/_component_template/tailrace-settings",
        f"/_index_template/{logs}",
        f"/_index_template/{elasticsearch.bursts_index}",
        f"/{elasticsearch.bursts_index}",
    ]
    before = [read(elasticsearch, path) for path in paths]
    second = run(settings, "elasticsearch")
    assert {step.outcome for step in second.values()} == {"unchanged"}
    assert [read(elasticsearch, path) for path in paths] == before
    (template,) = before[2]["index_templates"]
    assert template["index_template"]["priority"] == 150
    assert template["index_template"]["index_patterns"] == [f"logs-*-{elasticsearch.namespace}"]
    assert template["index_template"]["template"]["settings"]["index"]["mode"] == "logsdb"


def test_changed_settings_update_the_template_and_the_retention_is_set(
    elasticsearch: ElasticsearchSettings,
) -> None:
    logs = f"tailrace-logs-{elasticsearch.namespace}"
    run(Settings(elasticsearch=elasticsearch), "elasticsearch")
    changed = Settings(elasticsearch=replace(elasticsearch, retention=7 * 86_400.0, shards=2))
    step = run(changed, "elasticsearch")[logs]
    assert step.outcome == "updated"
    assert "next rollover" in step.note
    (template,) = read(elasticsearch, f"/_index_template/{logs}")["index_templates"]
    body = template["index_template"]["template"]
    assert body["settings"]["index"]["number_of_shards"] == "2"
    assert body["lifecycle"]["data_retention"] == "7d" or "no data stream lifecycle here" in step.note
    assert run(changed, "elasticsearch")[logs].outcome == "unchanged"


def test_fields_that_a_bursts_index_lacks_are_added(elasticsearch: ElasticsearchSettings) -> None:
    async def make_bare_index() -> None:
        client = build_client(elasticsearch)
        body = b'{"mappings":{"properties":{"kept":{"type":"keyword"}}}}'
        await client.request("PUT", f"/{elasticsearch.bursts_index}", body=body)
        await client.close()

    asyncio.run(make_bare_index())
    step = run(Settings(elasticsearch=elasticsearch), "elasticsearch")[elasticsearch.bursts_index]
    assert (step.what, step.outcome) == ("index", "updated")
    mapping = read(elasticsearch, f"/{elasticsearch.bursts_index}/_mapping")[elasticsearch.bursts_index]
    properties = mapping["mappings"]["properties"]
    assert properties["@timestamp"]["type"] == "date"
    assert properties["kept"]["type"] == "keyword"


def test_a_server_that_does_not_answer_is_told_after_the_wait() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=(f"127.0.0.1:{port}",)),
            elasticsearch=ElasticsearchSettings(hosts=(f"http://127.0.0.1:{port}",)),
        )
        with pytest.raises(SetupError, match=f"Kafka at 127.0.0.1:{port} cannot be reached"):
            asyncio.run(set_up(settings, ("kafka",)))
        with pytest.raises(SetupError, match=f"Elasticsearch at http://127.0.0.1:{port} cannot be reached"):
            asyncio.run(set_up(settings, ("elasticsearch",), wait=1.5))


def test_the_command_prints_a_line_for_each_thing(
    kafka: KafkaSettings, elasticsearch: ElasticsearchSettings, tmp_path: Path
) -> None:
    config = tmp_path / "tailrace.yml"
    topics = ", ".join(
        f"{key}: {getattr(kafka.topics, key)}" for key in ("raw", "events", "signals", "bursts", "dead")
    )
    config.write_text(
        f"kafka:\n  bootstrap_servers: {list(kafka.bootstrap_servers)}\n  topics: {{{topics}}}\n"
        f"elasticsearch:\n  hosts: {list(elasticsearch.hosts)}\n  namespace: {elasticsearch.namespace}\n"
        f"  bursts_index: {elasticsearch.bursts_index}\n  replicas: 0\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(setup, ["--config", str(config)])
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert ["topic", kafka.topics.raw, "created"] in lines
    assert ["index", "template", f"tailrace-logs-{elasticsearch.namespace}", "created"] in lines
    assert ["index", elasticsearch.bursts_index, "created"] in lines

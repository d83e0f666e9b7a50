"""Makes the topics in Kafka and the templates in Elasticsearch that a worker counts on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError
from loguru import logger

from pipeline.kafka.connection import build_client_options
from pipeline.settings import KafkaSettings, Settings
from pipeline.sinks.elasticsearch_client import Unavailable, build_client
from pipeline.sinks.setup_step import SetupError, Step
from pipeline.sinks.template_setup import set_up_elasticsearch

Server: TypeAlias = Literal["kafka", "elasticsearch"]
Result = TypeVar("Result")

ALREADY_EXISTS: Final = 36
PAUSE: Final = 1.0
VISIBLE_TRIES: Final = 100
VISIBLE_PAUSE: Final = 0.1


async def set_up(
    settings: Settings,
    servers: tuple[Server, ...] = ("kafka", "elasticsearch"),
    *,
    wait: float = 0.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[Step, ...]:
    """Set the servers up and tell what was done. What is right stays: a second run changes nothing.

    A server that does not answer is asked again for `wait` seconds. Raises SetupError when one stays away or
    refuses.
    """
    steps: list[Step] = []
    if "kafka" in servers:
        steps.extend(await _insist(lambda: set_up_topics(settings.kafka), wait, monotonic))
    if "elasticsearch" in servers:
        steps.extend(await _insist(lambda: _set_up_templates(settings), wait, monotonic))
    return tuple(steps)


def list_topics(kafka: KafkaSettings) -> dict[str, dict[str, str]]:
    """The topics that are needed, with what of their configuration matters to us.

    Raw records keep the producer's time. Behind parse the broker's is used: with an event's own time, Kafka
    would delete old events before anyone reads them (`retention.ms`) and refuse those from the future
    (`message.timestamp.after.max.ms`).
    """
    topics = kafka.topics
    made = {
        "max.message.bytes": str(kafka.max_document_bytes),
        "message.timestamp.type": "LogAppendTime",
    }
    return {
        topics.raw: {"max.message.bytes": str(kafka.max_message_bytes)},
        **{name: made for name in (topics.events, topics.signals, topics.bursts, topics.dead)},
    }


async def set_up_topics(kafka: KafkaSettings) -> tuple[Step, ...]:
    """Make the topics that are missing, and compare those that exist, which are never changed.

    Raises Unavailable without a broker, SetupError when it refuses.
    """
    wanted = list_topics(kafka)
    admin = AIOKafkaAdminClient(**build_client_options(kafka), request_timeout_ms=30_000)
    try:
        await admin.start()
        # Never ask for a topic by name that may be missing: a broker that creates topics by itself would make
        # it, with one partition.
        known = set(await admin.list_topics())
        missing = {name: options for name, options in wanted.items() if name not in known}
        created = await _create_topics(admin, kafka, missing)
        partitions = await _count_partitions(admin, list(wanted))
        configurations = await _read_configurations(admin, [name for name in wanted if name not in created])
    except (KafkaConnectionError, OSError) as error:
        servers = ", ".join(kafka.bootstrap_servers)
        raise Unavailable(f"Kafka at {servers} cannot be reached: {error}") from error
    except KafkaError as error:
        raise SetupError(f"Kafka refuses: {type(error).__name__}: {error}") from error
    finally:
        await admin.close()
    return tuple(
        Step("topic", name, "created")
        if name in created
        else _compare_topic(kafka, name, partitions[name], configurations[name], options)
        for name, options in wanted.items()
    )


async def _create_topics(
    admin: Any, kafka: KafkaSettings, missing: Mapping[str, Mapping[str, str]]
) -> frozenset[str]:
    """Create topics; the names of those that no one else created in between."""
    if not missing:
        return frozenset()
    answer = await admin.create_topics(
        [
            NewTopic(name, kafka.partitions, kafka.replication_factor, topic_configs=dict(options))
            for name, options in missing.items()
        ]
    )
    for name, code, words in (entry[:3] for entry in answer.topic_errors):
        if code not in (0, ALREADY_EXISTS):
            raise SetupError(f"Kafka refuses the topic {name} (error {code}): {words}")
    return frozenset(entry[0] for entry in answer.topic_errors if entry[1] == 0)


async def _count_partitions(admin: Any, names: list[str]) -> dict[str, int]:
    """Partitions by topic, once all topics are there: a broker shows a new topic some moments after making it."""
    for _ in range(VISIBLE_TRIES):
        if set(names) <= set(await admin.list_topics()):
            described = await admin.describe_topics(names)
            if all(topic["error_code"] == 0 and topic["partitions"] for topic in described):
                return {topic["topic"]: len(topic["partitions"]) for topic in described}
        await asyncio.sleep(VISIBLE_PAUSE)
    raise SetupError(f"Kafka made the topics {', '.join(names)}, but does not show them; look at its log")


async def _read_configurations(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }


def _compare_topic(
    kafka: KafkaSettings, name: str, partitions: int, there: Mapping[str, str], wanted: Mapping[str, str]
) -> Step:
    """A topic that exists beside what the settings say of it."""
    notes: list[str] = []
    arguments = f"--bootstrap-server {kafka.bootstrap_servers[0]} --alter --topic {name}"
    if partitions < kafka.partitions:
        tool = f"kafka-topics.sh {arguments} --partitions {kafka.partitions}"
        notes.append(f"has {partitions} partitions, the settings say {kafka.partitions}: {tool}")
    elif partitions > kafka.partitions:
        notes.append(f"has {partitions} partitions, the settings say {kafka.partitions}, which is no harm")
    options = [
        f"{key}={value}"
        for key, value in wanted.items()
        if (int(there.get(key, 0)) < int(value) if value.isdigit() else there.get(key) != value)
    ]
    if options:
        tool = f"kafka-configs.sh {arguments} --add-config {','.join(options)}"
        notes.append(f"its configuration is another: {tool}")
    return Step("topic", name, "differs" if notes else "unchanged", "\n".join(notes))


async def _set_up_templates(settings: Settings) -> tuple[Step, ...]:
    client = build_client(settings.elasticsearch)
    try:
        return await set_up_elasticsearch(settings.elasticsearch, client)
    except Unavailable as error:
        hosts = ", ".join(settings.elasticsearch.hosts)
        raise Unavailable(f"Elasticsearch at {hosts} cannot be reached: {error}") from error
    finally:
        await client.close()


async def _insist(
    work: Callable[[], Awaitable[Result]], wait: float, monotonic: Callable[[], float]
) -> Result:
    """Try again while the server does not answer, for `wait` seconds at most."""
    end = monotonic() + wait
    told = False
    while True:
        try:
            return await work()
        except Unavailable as error:
            if monotonic() >= end:
                raise SetupError(f"{error}; start it, or name another in the settings") from error
            if not told:
                logger.info("{}; trying again for {:g} s.", error, wait)
                told = True
            await asyncio.sleep(PAUSE)

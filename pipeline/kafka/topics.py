"""Whether the topics are there."""

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient

from pipeline.kafka.connection import build_client_options
from pipeline.settings import KafkaSettings


async def find_missing_topics(settings: KafkaSettings, names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that the broker does not have. KafkaError if it cannot be reached."""
    admin = AIOKafkaAdminClient(**build_client_options(settings))
    try:
        await admin.start()
        known = set(await admin.list_topics())
    finally:
        await admin.close()
    return tuple(name for name in names if name not in known)

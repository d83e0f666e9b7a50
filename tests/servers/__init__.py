"""A real Kafka and a real Elasticsearch for the tests: found, or started and stopped.

Where one comes from, in this order: an address in `TAILRACE_TEST_KAFKA` or `TAILRACE_TEST_ELASTICSEARCH`;
what `make servers-up` left running; Maven and a JDK (17 for Kafka, 21 for Elasticsearch); a Docker engine.
If none of them works, `Unavailable` says why for each of them.

Downloads are kept in `TAILRACE_TEST_CACHE` (default: a folder under /var/tmp). It has to be a place that any
user may pass through, since Elasticsearch refuses to run as root and then runs as `nobody`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from tests.servers.docker import start_elasticsearch_from_docker, start_kafka_from_docker
from tests.servers.folders import NotThisWay, read_state
from tests.servers.maven import start_elasticsearch_from_maven, start_kafka_from_maven
from tests.servers.process import Server, is_listening


class Unavailable(Exception):
    """No way to have this server here; the message holds one line for each way that was tried."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server: its name, the variable that names a running one, and the ways to start one."""

    name: str
    variable: str
    starters: tuple[tuple[str, Callable[[bool], Server]], ...]


KAFKA = Kind(
    "kafka",
    "TAILRACE_TEST_KAFKA",
    (("Maven", start_kafka_from_maven), ("Docker", start_kafka_from_docker)),
)
ELASTICSEARCH = Kind(
    "elasticsearch",
    "TAILRACE_TEST_ELASTICSEARCH",
    (("Maven", start_elasticsearch_from_maven), ("Docker", start_elasticsearch_from_docker)),
)


def find_or_start(kind: Kind, *, keep: bool = False) -> Server:
    """Return a server that answers. With `keep`, a started one outlives this process (until `servers down`).

    Raises:
        Unavailable: none of the ways works here.
    """
    if address := os.environ.get(kind.variable):
        return Server(address)
    left = read_state().get(kind.name)
    if left is not None and is_listening(left["address"]):
        return Server(left["address"])
    reasons = [f"{kind.variable} is not set"]
    for way, start in kind.starters:
        try:
            return start(keep)
        except NotThisWay as reason:
            reasons.append(f"{way}: {reason}")
    raise Unavailable("\n".join(reasons))

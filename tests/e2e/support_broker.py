"""A Kafka of a test's own, which may be killed."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.folders import NotThisWay
from tests.servers.maven import start_kafka_from_maven
from tests.servers.process import Server, is_listening, serve


@dataclass(slots=True)
class Broker:
    """One broker; what it had taken before a kill is there after `restart`."""

    server: Server
    work: Path

    @property
    def address(self) -> str:
        return self.server.address

    def kill(self) -> list[str]:
        """`kill -9`; the command to start it again."""
        # The shell that guards the process has the same words behind its own name.
        pattern = f"^[^ ]*java .*{self.work}/server.properties$"
        pid = int(read_output("pgrep", "-f", pattern))
        command = read_output("ps", "-ww", "-o", "args=", "-p", str(pid)).split()
        os.kill(pid, signal.SIGKILL)
        self.server.stop()
        return command

    def restart(self, command: list[str]) -> None:
        """Start it with the same data at the same address."""
        self.server = serve("kafka", command, self.work, self.address, is_listening, keep=False)


@contextmanager
def lend_broker() -> Iterator[Broker]:
    """A broker that is there for one test; without Maven and a JDK the test is skipped."""
    try:
        server = start_kafka_from_maven(keep=False)
    except NotThisWay as reason:
        pytest.skip(f"needs a Kafka of its own: {reason}")
    assert server.work is not None
    broker = Broker(server, server.work)
    try:
        yield broker
    finally:
        broker.server.stop()
    shutil.rmtree(broker.work)


def read_output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

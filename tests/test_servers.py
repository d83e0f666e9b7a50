"""The fixtures give servers that work, and what is said when they cannot."""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.servers import KAFKA, Kind, Unavailable, find_or_start
from tests.servers.folders import NotThisWay
from tests.servers.maven import find_jdk, read_java_version
from tests.servers.process import Server, is_listening, serve


async def count_brokers(address: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
    finally:
        await admin.close()
    return len(cluster["brokers"])


def test_kafka_answers(kafka_server: str) -> None:
    assert asyncio.run(count_brokers(kafka_server)) >= 1


def test_elasticsearch_answers(elasticsearch_server: str) -> None:
    with urllib.request.urlopen(f"{elasticsearch_server}/_cluster/health") as answer:
        health = json.load(answer)

    assert health["status"] in {"green", "yellow"}


def test_an_address_in_the_environment_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILRACE_TEST_KAFKA", "kafka.example:9092")

    assert find_or_start(KAFKA).address == "kafka.example:9092"


def test_every_way_that_failed_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_keep: bool) -> Server:
        raise NotThisWay("the moon is full")

    monkeypatch.delenv("TAILRACE_TEST_NOTHING", raising=False)
    with pytest.raises(Unavailable) as caught:
        find_or_start(Kind("nothing", "TAILRACE_TEST_NOTHING", (("Magic", fail),)))

    assert str(caught.value) == "TAILRACE_TEST_NOTHING is not set\nMagic: the moon is full"


@pytest.mark.parametrize(
    ("release", "version"),
    [('JAVA_VERSION="17.0.15"\n', 17), ('IMPLEMENTOR="X"\nJAVA_VERSION="25"\n', 25), ("nothing", 0)],
)
def test_a_jdk_states_its_version(tmp_path: Path, release: str, version: int) -> None:
    (tmp_path / "release").write_text(release)

    assert read_java_version(tmp_path) == version


def test_no_jdk_is_new_enough() -> None:
    with pytest.raises(NotThisWay, match="no JDK 999 or later"):
        find_jdk(999)


def test_a_server_that_dies_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(NotThisWay, match="no such luck"):
        serve(
            "dud",
            ["sh", "-c", "echo no such luck; exit 3"],
            tmp_path,
            "127.0.0.1:1",
            is_listening,
            keep=False,
        )


def test_a_server_ends_when_its_tests_are_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from tests.servers.process import serve
work = Path({str(tmp_path)!r})
command = ["sh", "-c", "echo $$ > new; mv new pid; exec sleep 60"]
serve("sleeper", command, work, "", lambda _: list(work.glob("pid")), keep=False)
print("ready", flush=True)
time.sleep(60)
"""
    tests = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with tests:
        assert tests.stdout is not None
        assert tests.stdout.readline() == "ready\n"
        pid = int((tmp_path / "pid").read_text())
        tests.kill()

    assert ends_within(pid, seconds=5)


def ends_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False

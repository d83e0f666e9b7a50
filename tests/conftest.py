"""Fixtures every test may ask for, and the loud word about tests that could not run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import ELASTICSEARCH, KAFKA, Kind, Unavailable, find_or_start

SERVERS = {"kafka", "elasticsearch"}
SERVER_FIXTURES = {"kafka_server", "elasticsearch_server"}
MISSING = pytest.StashKey[dict[str, str]]()
KEPT = pytest.StashKey[list[Path]]()

# Deadlines measure the machine's load; a run that decides whether something lands must not depend on luck.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("ci" if os.environ.get("CI") else "local")
    config.stash[MISSING] = {}
    config.stash[KEPT] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # A contract suite names its server as a parameter and asks for the fixture only when it runs.
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())) or SERVERS.intersection(
            value for value in parameters if isinstance(value, str)
        ):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def kafka_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap address of a real Kafka, such as `127.0.0.1:9092`.

    All tests of a session share it: give topics and groups names of your own.
    """
    yield from lend_server(KAFKA, request)


@pytest.fixture(scope="session")
def elasticsearch_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a real Elasticsearch, such as `http://127.0.0.1:9200`.

    All tests of a session share it: give indices and data streams names of your own.
    """
    yield from lend_server(ELASTICSEARCH, request)


def lend_server(kind: Kind, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of a server, found or started, and stop what was started.

    Without one the tests are skipped and the summary says so; with TAILRACE_TEST_SERVERS=required they fail.
    """
    try:
        server = find_or_start(kind)
    except Unavailable as reasons:
        request.config.stash[MISSING][kind.name] = str(reasons)
        if os.environ.get("TAILRACE_TEST_SERVERS") == "required":
            pytest.fail(f"no {kind.name}:\n{reasons}", pytrace=False)
        pytest.skip(f"no {kind.name}")
    yield server.address
    server.stop()
    if server.work is not None:
        if request.session.testsfailed:
            request.config.stash[KEPT].append(server.work)
        else:
            shutil.rmtree(server.work)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, reasons in config.stash[MISSING].items():
        terminalreporter.section(f"NOT TESTED: everything that needs {name}", sep="!", red=True, bold=True)
        terminalreporter.line(reasons)
    for folder in config.stash[KEPT]:
        terminalreporter.line(f"Kept for you to look at: {folder}")

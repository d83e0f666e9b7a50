"""Our own log: one stream for all loggers, readable by machines, silent about secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from pipeline.logs import configure_logs, every


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level


def test_lines_carry_time_level_place_and_text() -> None:
    stream = io.StringIO()
    configure_logs("info", stream=stream)

    logger.info("partitions assigned: {}", 3)
    logger.debug("too fine")

    time, level, place, text = stream.getvalue().rstrip("\n").split(maxsplit=3)
    assert (time[-1], level, text) == ("Z", "INFO", "partitions assigned: 3")
    assert place.endswith("test_logs:")


def test_loggers_of_libraries_are_routed() -> None:
    stream = io.StringIO()
    configure_logs("info", stream=stream)

    logging.getLogger("aiokafka.conn").warning("broker {gone} %s", "{away}")
    logging.getLogger("aiokafka.conn").info("chatter")

    assert "WARNING  aiokafka.conn: broker {gone} {away}\n" in stream.getvalue()
    assert "chatter" not in stream.getvalue()


def test_json_lines_are_ecs_documents() -> None:
    stream = io.StringIO()
    configure_logs("info", json=True, stream=stream)

    try:
        raise OSError("disk full")
    except OSError:
        logger.bind(topic="logs.raw").exception("cannot write")

    document = json.loads(stream.getvalue())
    assert document["message"] == "cannot write"
    assert document["log"]["level"] == "error"
    assert document["labels"] == {"topic": "logs.raw"}
    assert document["error"]["type"] == "OSError"
    assert "disk full" in document["error"]["stack_trace"]
    assert document["@timestamp"].endswith("Z")


def test_processes_of_one_service_are_told_apart() -> None:
    lines, documents = io.StringIO(), io.StringIO()
    configure_logs("info", node="worker-2", stream=lines)
    logger.info("{} of {}", 1, 2)
    configure_logs("info", json=True, node="worker-2", stream=documents)
    logger.info("again")

    assert " INFO     [worker-2] " in lines.getvalue()
    assert lines.getvalue().endswith(": 1 of 2\n")
    assert json.loads(documents.getvalue())["service"] == {"name": "tailrace", "node": {"name": "worker-2"}}


@pytest.mark.parametrize("as_json", [False, True])
def test_secrets_are_hidden_in_messages_and_tracebacks(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logs("info", json=as_json, secrets=["hunter2", ""], stream=stream)

    password = "hunter2"
    try:
        raise ValueError(f"refused: {password}")
    except ValueError:
        logger.exception("login with {} failed", password)

    assert "hunter2" not in stream.getvalue()
    assert "login with *** failed" in stream.getvalue()


def test_an_unknown_level_is_named() -> None:
    with pytest.raises(ValueError, match="unknown log level 'loud': use one of trace, debug"):
        configure_logs("loud")


def test_repeated_messages_come_once_in_a_while() -> None:
    now = 0.0
    is_due = every(30, clock=lambda: now)

    assert is_due("kafka")
    assert not is_due("kafka")
    assert is_due("elasticsearch")
    now = 30.0
    assert is_due("kafka")

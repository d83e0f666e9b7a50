"""The program's own log: loguru on stderr, with the standard library's loggers routed into it."""

import logging
import sys
import time
from collections.abc import Callable, Collection
from datetime import UTC
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO

import msgspec
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

LINE = "{time:YYYY-MM-DDTHH:mm:ss.SSS!UTC}Z {level:<8} %s{name}: {message}\n{exception}"

# These tell each request and each rebalance at INFO; below DEBUG only their warnings are worth a line.
CHATTY = ("aiohttp", "aiokafka", "asyncio", "elastic_transport", "elasticsearch", "faust", "mode")

LEVELS = MappingProxyType({"trace": 5, "debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50})


class ToLoguru(logging.Handler):
    """Hands records of the standard library's loggers (Faust, aiokafka, elasticsearch) to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record under its own logger's name and place."""

        def take_place(target: "Record") -> None:
            target["name"] = record.name
            target["function"] = record.funcName
            target["line"] = record.lineno

        level = record.levelname.lower() if record.levelname.lower() in LEVELS else "info"
        logger.patch(take_place).opt(exception=record.exc_info).log(level.upper(), "{}", record.getMessage())


def configure_logs(
    level: str = "info",
    *,
    json: bool = False,
    secrets: Collection[str] = (),
    mask: Callable[[str], str] | None = None,
    node: str = "",
    stream: TextIO | None = None,
) -> None:
    """Send all logs to stderr (or `stream`): as lines for people, or with `json` as one ECS document a line.

    `level` is one of trace, debug, info, warning, error, critical; another word raises ValueError. Each of
    the `secrets` is replaced by `***` wherever it turns up in what is written, tracebacks included, and `mask` is
    applied to all of it. `node` tells the processes of one service apart: `[node]` in lines, `service.node.name`.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"unknown log level {level!r}: use one of {', '.join(LEVELS)}")
    stream = sys.stderr if stream is None else stream
    hidden = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def write(message: "Message") -> None:
        text = to_ecs_json(message.record, node) if json else str(message)
        for secret in hidden:
            text = text.replace(secret, "***")
        if mask is not None:
            text = mask(text)
        stream.write(text)
        stream.flush()

    logger.remove()
    line = LINE % (f"[{node}] " if node else "")
    # `diagnose` would print the values of variables, which may be secrets or a user's log lines.
    logger.add(write, level=level.upper(), format=lambda _: line, backtrace=False, diagnose=False)
    number = LEVELS[level.lower()]
    logging.basicConfig(handlers=[ToLoguru()], level=max(number, logging.DEBUG), force=True)
    # Each outage is told by our own sink, once a while; the client tells it for every request.
    logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if number <= logging.DEBUG else logging.WARNING)
    logging.captureWarnings(True)


def to_ecs_json(record: "Record", node: str = "") -> str:
    """Word a record as one ECS document, with a line feed."""
    service: dict[str, object] = {"name": "tailrace"}
    if node:
        service["node"] = {"name": node}
    document: dict[str, object] = {
        "@timestamp": record["time"]
        .astimezone(UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "log": {"level": record["level"].name.lower(), "logger": record["name"]},
        "message": record["message"],
        "ecs": {"version": "9.5.0"},
        "service": service,
        "process": {"pid": record["process"].id},
    }
    if record["extra"]:
        document["labels"] = {key: str(value) for key, value in record["extra"].items()}
    error = record["exception"]
    if error is not None and error.value is not None:
        import traceback  # only a failure pays for it

        document["error"] = {
            "type": type(error.value).__name__,
            "message": str(error.value),
            "stack_trace": "".join(traceback.format_exception(error.type, error.value, error.traceback)),
        }
    return msgspec.json.encode(document).decode() + "\n"


def every(seconds: float, clock: Callable[[], float] = time.monotonic) -> Callable[[object], bool]:
    """Build a limiter for messages that repeat: it is True for a key at first, then once in so many seconds.

    `if is_due("kafka"): logger.warning(...)` says it once in a while, whatever the number of retries.
    """
    last: dict[object, float] = {}

    def is_due(key: object) -> bool:
        now = clock()
        if key in last and now - last[key] < seconds:
            return False
        last[key] = now
        return True

    return is_due

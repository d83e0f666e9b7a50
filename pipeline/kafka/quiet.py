"""Keeps client libraries from telling the same thing ten times a second while a server is away."""

import logging
from collections.abc import Callable, Hashable

from pipeline.logs import every


class OnceInAWhile(logging.Filter):
    """Lets a message through at first, then once in so many seconds; messages are told apart by their templates."""

    def __init__(self, is_due: Callable[[Hashable], bool]) -> None:
        super().__init__()
        self._is_due = is_due

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be told."""
        return record.levelno < logging.WARNING or self._is_due((record.name, str(record.msg)))


def quieten_loggers(prefix: str, seconds: float) -> None:
    """Limit the warnings and errors of the loggers that exist under `prefix`; calling it again changes nothing."""
    limit = OnceInAWhile(every(seconds))
    for name in tuple(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        # A filter on the parent would not see what its children log.
        if name.partition(".")[0] == prefix and not any(
            isinstance(old, OnceInAWhile) for old in logger.filters
        ):
            logger.addFilter(limit)

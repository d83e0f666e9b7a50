"""Runs regexes where they stay compiled.

Polars keeps the last 32 regexes in each thread, whoever runs them, and compiles all others anew at every use: 0.1 to
1 ms each, before the first line is read. A batch of sixty programs uses a hundred in turn, and found none. So each
regex has a lane, that it shares with few others: the first ones the thread that calls, all others a thread for that.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count
from typing import Final, ParamSpec, TypeVar

# What is used first stays with the thread that calls, beside some twenty regexes for times, numbers and the like.
_AT_HOME: Final = 4
# Fewer than Polars keeps: what runs in a lane may use several regexes.
_SHARING: Final = 20
_LANES: Final = 16

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def run_in_lane(
    key: Hashable,
    function: Callable[_Arguments, _Result],
    /,
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Result:
    """What the function returns, or raises, when the lane of `key` calls it; the caller waits.

    The function must not run anything in a lane itself, and its plans must be such as Polars runs in the thread that
    calls: a single expression, or `select_seq`.
    """
    place = _number(key)
    if place < _AT_HOME:
        # Of few regexes nothing is gained, and what they take out is best in the thread's own memory.
        return function(*args, **kwargs)
    return _open_lane(place // _SHARING % _LANES).submit(function, *args, **kwargs).result()


@lru_cache(maxsize=4096)
def _number(key: Hashable) -> int:
    # In the order of their first use: programs that log together share lanes, and the rules of others take no place.
    return next(_counter())


@lru_cache(maxsize=1)
def _counter() -> "count[int]":
    return count()


@lru_cache(maxsize=_LANES)
def _open_lane(number: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, f"regex-{number}")

import threading
from collections import Counter

import pytest

from parsers.patterns.lanes import run_in_lane

KEYS = [f"key {number} of this test" for number in range(100)]


def test_a_key_meets_the_same_thread_whoever_calls() -> None:
    first = {key: run_in_lane(key, threading.get_ident) for key in KEYS}
    again: dict[str, int] = {}

    def look() -> None:
        again.update((key, run_in_lane(key, threading.get_ident)) for key in KEYS)

    other = threading.Thread(target=look)
    other.start()
    other.join()

    # The first keys of a process stay with the thread that calls.
    lanes = {key: thread for key, thread in first.items() if thread != threading.get_ident()}
    assert len(lanes) >= len(KEYS) - 4
    assert {key: again[key] for key in lanes} == lanes


def test_few_keys_share_a_thread() -> None:
    shared = Counter(run_in_lane(key, threading.get_ident) for key in KEYS)

    # Polars keeps 32 regexes in a thread; what runs there may need more than one of them.
    assert max(shared.values()) <= 20


def test_what_a_call_raises_comes_back() -> None:
    for key in KEYS[-2:]:
        with pytest.raises(ZeroDivisionError):
            run_in_lane(key, divmod, 1, 0)

"""The allocators' options reach a worker and a run, whoever started them."""

import gc
import os
import subprocess
import sys

import pytest

from pipeline.allocators import keep_memory, settle_objects, spare_memory

OURS = "dirty_decay_ms:200,muzzy_decay_ms:0,narenas:2"
KEEPING = "dirty_decay_ms:3000,muzzy_decay_ms:0,narenas:2,oversize_threshold:0"


def test_our_options_are_set_and_the_users_win_as_the_last() -> None:
    empty: dict[str, str] = {}
    spare_memory(empty)
    assert empty["_RJEM_MALLOC_CONF"] == OURS
    given = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:9"}
    spare_memory(given)
    assert given["_RJEM_MALLOC_CONF"] == f"{OURS},dirty_decay_ms:9"


def test_a_run_over_files_keeps_pages_for_longer() -> None:
    given = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:9"}
    keep_memory(given)
    keep_memory(given)
    assert given["_RJEM_MALLOC_CONF"] == f"{KEEPING},dirty_decay_ms:9"


@pytest.mark.parametrize(("setup", "options"), [("spare_memory", OURS), ("keep_memory", KEEPING)])
def test_what_is_started_by_a_process_with_polars_is_not_given_polars_options(
    setup: str, options: str
) -> None:
    program = (
        "import os, subprocess, sys, polars; "
        f"subprocess.run([sys.executable, '-c', 'from pipeline.allocators import {setup}; import os; "
        f'{setup}(); print(os.environ["_RJEM_MALLOC_CONF"])\'], check=True)'
    )
    environment = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == options


def test_what_is_settled_is_not_walked_over_again() -> None:
    kept = [[number] for number in range(10_000)]
    try:
        settle_objects()
        assert len(gc.get_objects()) < len(kept)
    finally:
        gc.unfreeze()

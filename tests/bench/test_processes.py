"""What the machine allows several workers beside a broker."""

import os
import time
from pathlib import Path

import pytest

from bench.processes import OTHERS, find_bound, read_machine
from bench.report import Sample


def test_a_broker_that_takes_half_a_core_leaves_room_for_a_third_more() -> None:
    assert find_bound(Sample(1000, 10.0, 10.0, details={OTHERS: 5.0}), cores=2) == pytest.approx(2 * 10 / 15)


def test_a_broker_elsewhere_leaves_every_core_to_the_workers() -> None:
    assert find_bound(Sample(1000, 10.0, 10.0, details={OTHERS: 0.0}), cores=2) == pytest.approx(2)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="it takes /proc")
def test_the_machine_has_used_what_this_process_uses() -> None:
    before, began = read_machine(), time.process_time()
    while time.process_time() - began < 0.2:
        pass
    assert read_machine() - before >= 0.2 - 2 / os.sysconf("SC_CLK_TCK")

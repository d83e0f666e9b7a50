"""`tailrace worker --processes 2`: the work is shared, what dies is started again, and no line is lost by it."""

import contextlib
import os
import re
import signal
import socket
import urllib.request

import pytest

from tests.e2e.support import PARTITIONS, Pipeline, Worker
from tests.e2e.support_lines import build_lines, choose_start, cut, find_bursts
from tests.servers.process import find_free_ports

LINES = 24_000
STARTED = re.compile(r"Worker (\d) has the pid (\d+)")


@pytest.mark.slow
def test_two_processes_share_the_partitions_and_survive_a_kill(pipeline: Pipeline) -> None:
    lines = build_lines(LINES, choose_start())
    port = choose_port()
    pipeline.write_settings({"metrics": {"port": port}, "rules": {"status_directory": "status"}})
    pipeline.set_up()
    worker = pipeline.start("--processes", "2", wait=False)
    pipeline.until(lambda: pipeline.members() == 2, "both processes are in the group")
    shares = pipeline.shares("raw")
    assert sorted(shares) == [PARTITIONS // 2, PARTITIONS // 2]
    chunks = cut(lines, LINES // 10)
    for chunk in chunks[:5]:
        pipeline.send(chunk)
    pipeline.until(lambda: pipeline.count() > len(lines) // 4, "a quarter")
    pipeline.send(chunks[5])  # so that it dies at work
    victim = find_pids(worker)["2"]
    os.kill(victim, signal.SIGKILL)
    for chunk in chunks[6:]:
        pipeline.send(chunk)

    pipeline.until(lambda: find_pids(worker)["2"] != victim, "another process in its place")
    pipeline.wait_for(lines)
    pipeline.wait_for_bursts(find_bursts(lines))
    pipeline.until(lambda: pipeline.members() == 2, "both processes are in the group again")
    pipeline.judge(lines)
    assert pipeline.bursts() == find_bursts(lines)
    assert pipeline.read("dead") == []
    counts = [count_events(port + number) for number in (0, 1)]
    assert all(counts), "each has parsed some, and says so on a port of its own"
    assert pipeline.run("rules", "status", "--config", "tailrace.yml").count("worker e2e-") == 2
    log = worker.read_log()
    assert re.search(r"Worker 2 has died after [\d.]+ s with SIGKILL", log)
    assert "[worker-1] pipeline.worker: The worker runs" in log
    pids = [int(pid) for _, pid in STARTED.findall(log)]
    assert len(pids) == 3
    assert worker.stop() < 10
    assert not any(map(is_running, pids))


@pytest.mark.slow
def test_rules_that_cannot_be_used_end_all_processes_with_an_error(pipeline: Pipeline) -> None:
    rules = pipeline.folder / "rules"
    rules.mkdir()
    (rules / "broken.yml").write_text("name: [\n")
    worker = pipeline.start("--processes", "2", "--rules", str(rules), wait=False)
    assert worker.process.wait(120) == 1
    assert "Giving up, worker" in worker.read_log()
    assert "broken.yml:" in worker.read_log()


def choose_port() -> int:
    """A free port, of which the next one is free as well."""
    while True:
        first, second = find_free_ports(1)[0], socket.socket()
        with second, contextlib.suppress(OSError):
            second.bind(("127.0.0.1", first + 1))
            return first


def count_events(port: int) -> float:
    """How many events the process that serves metrics there has parsed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("tailrace_rule_events_total")
    )


def find_pids(worker: Worker) -> dict[str, int]:
    """The newest process id of each process, by its number."""
    return {number: int(pid) for number, pid in STARTED.findall(worker.read_log())}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

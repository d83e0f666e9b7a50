"""SIGTERM in the middle of the work, and one process for each stage."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.support import Pipeline
from tests.e2e.support_lines import build_lines, choose_start, find_bursts

LINES = 16_000


@pytest.mark.slow
def test_a_stopped_worker_leaves_nothing_undone_and_nothing_done_twice(pipeline: Pipeline) -> None:
    lines = build_lines(LINES, choose_start())
    half = len(lines) // 2
    pipeline.set_up()
    pipeline.send(lines[:half])
    first = pipeline.start()
    pipeline.until(lambda: pipeline.count() > 0, "the first documents")
    with ThreadPoolExecutor(1) as beside:
        stopped = beside.submit(first.stop)
        pipeline.send(lines[half:])
    assert stopped.result() < 10
    assert pipeline.count() < len(lines), "it was stopped in the middle"
    parsed = [key for key, _ in pipeline.read("events")]
    assert len(parsed) == len(set(parsed))

    second = pipeline.start()
    pipeline.wait_for(lines)
    pipeline.wait_for_bursts(find_bursts(lines))
    assert second.stop() < 10
    pipeline.judge(lines)
    assert pipeline.bursts() == find_bursts(lines)
    keys = [key for key, _ in pipeline.read("events")]
    assert len(keys) == len(set(keys)), "what was drained and committed is not parsed again"
    assert pipeline.read("dead") == []


@pytest.mark.slow
def test_each_stage_in_a_process_of_its_own(pipeline: Pipeline) -> None:
    lines = build_lines(LINES // 2, choose_start())
    pipeline.set_up()
    workers = [pipeline.start("--stages", stage) for stage in ("parse", "burst", "index")]
    pipeline.send(lines)

    pipeline.wait_for(lines)
    pipeline.wait_for_bursts(find_bursts(lines))
    for worker in workers:
        assert worker.stop() < 10
    pipeline.judge(lines)
    assert pipeline.bursts() == find_bursts(lines)
    assert pipeline.read("dead") == []

"""Nothing is lost and nothing comes twice when a worker is killed in the middle of its work."""

import base64

import pytest

from tests.e2e.support import Pipeline
from tests.e2e.support_lines import build_lines, choose_start, cut, find_bursts

LINES = 24_000


@pytest.mark.slow
def test_a_killed_worker_costs_no_line_and_no_burst(pipeline: Pipeline) -> None:
    lines = build_lines(LINES, choose_start())
    bursts = find_bursts(lines)
    assert len(bursts) == 3, "one hidden burst lies in one window, the other in two"
    pipeline.set_up()
    victim = pipeline.start()
    pipeline.start()
    pipeline.until(lambda: pipeline.members() == 2, "both workers are in the group")
    chunks = cut(lines, LINES // 20)

    for number, chunk in enumerate(chunks):
        pipeline.send(chunk)
        shipped = [line for line in chunk if line.path is not None]
        if number % 4 == 1:
            pipeline.send(shipped)  # a shipper that missed the acknowledgement sends again
        if number == len(chunks) // 2:
            indexed = pipeline.until(
                lambda: (found := pipeline.count()) > len(lines) // 3 and found, "a third"
            )
            assert indexed < len(lines)
            pipeline.send(shipped)  # so that it dies at work
            victim.kill()
        if number == len(chunks) * 3 // 4:
            pipeline.start(wait=False)

    pipeline.wait_for(lines)
    pipeline.wait_for_bursts(bursts)
    hits = pipeline.judge(lines)
    assert pipeline.bursts() == bursts
    assert pipeline.read("dead") == []
    keys = [key for key, _ in pipeline.read("events")]
    assert len(keys) > len(set(keys)), "what came twice collapsed in Elasticsearch, not before"
    assert len(set(keys)) == len(hits)
    (undecodable,) = [hit["_source"] for hit in hits if "_invalid_utf8" in hit["_source"].get("tags", ())]
    raw = base64.b64decode(undecodable["tailrace"]["original_base64"])
    assert raw == b"\xff\xfe caf\xe9 is not UTF-8"
    for worker in pipeline.workers[1:]:
        assert worker.stop() < 10

"""Servers that go away: nothing is lost, the log says so once in a while, and the other stages go on."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.support import Pipeline
from tests.e2e.support_broker import lend_broker
from tests.e2e.support_lines import ACCESS, build_lines, choose_start, find_bursts
from tests.e2e.support_proxy import lend_proxy

LINES = 8_000
SAY_EVERY = 30.0


def to_key_count(pipeline: Pipeline, kind: str) -> int:
    return len({key for key, _ in pipeline.read(kind)})


@pytest.mark.slow
def test_parse_and_bursts_go_on_while_elasticsearch_is_away(pipeline: Pipeline) -> None:
    lines = build_lines(LINES, choose_start())
    bursts = find_bursts(lines)
    half = len(lines) // 2
    pipeline.set_up()
    with lend_proxy(pipeline.elasticsearch.removeprefix("http://")) as proxy:
        pipeline.write_settings(
            {"elasticsearch": {"hosts": [f"http://{proxy.address}"], "request_timeout": "3s"}}
        )
        began = time.monotonic()
        worker = pipeline.start()
        pipeline.send(lines[:half])
        pipeline.until(lambda: to_key_count(pipeline, "events") == half, "the first half is parsed")
        assert pipeline.count() == 0
        proxy.switch_on()
        pipeline.wait_for(lines[:half])
        proxy.hang()
        pipeline.send(lines[half:])
        pipeline.until(lambda: to_key_count(pipeline, "events") == len(lines), "the second half is parsed")
        pipeline.until(lambda: to_key_count(pipeline, "bursts") == len(bursts), "the bursts are found")
        pipeline.until(
            lambda: worker.read_log().count("does not take documents") > 1, "both outages are told"
        )
        assert pipeline.count() < len(lines)
        proxy.switch_on()
        pipeline.wait_for(lines)
        pipeline.wait_for_bursts(bursts)
        log = worker.read_log()
        assert worker.stop() < 10

    pipeline.judge(lines)
    assert pipeline.bursts() == bursts
    assert pipeline.read("dead") == []
    assert "Traceback" not in log
    # Each outage is told when it begins, and every half minute while it lasts.
    assert log.count("does not take documents") <= 2 + (time.monotonic() - began) / SAY_EVERY, log


@pytest.mark.slow
def test_a_worker_that_starts_without_kafka_waits_for_it(pipeline: Pipeline) -> None:
    lines = build_lines(LINES // 8, choose_start())
    pipeline.set_up()
    pipeline.send(lines)
    with lend_proxy(pipeline.kafka) as proxy:
        pipeline.write_settings({"kafka": {"bootstrap_servers": [proxy.address]}})
        worker = pipeline.start(wait=False)
        pipeline.until(lambda: "cannot be reached" in worker.read_log(), "the outage is told")
        time.sleep(3)  # several attempts
        assert worker.process.poll() is None
        assert worker.read_log().count("cannot be reached") == 1
        assert "Traceback" not in worker.read_log()
        proxy.switch_on()
        pipeline.until(worker.is_running, "the worker runs")
        pipeline.wait_for(lines)
        assert worker.stop() < 10
    pipeline.judge(lines)


@pytest.mark.slow
def test_a_broker_that_dies_and_returns_costs_nothing(elasticsearch_server: str, tmp_path: Path) -> None:
    lines = build_lines(LINES, choose_start())
    bursts = find_bursts(lines)
    half = len(lines) // 2
    with lend_broker() as broker:
        pipeline = Pipeline(broker.address, elasticsearch_server, tmp_path)
        pipeline.write_settings()
        pipeline.set_up()
        began = time.monotonic()
        worker = pipeline.start()
        try:
            pipeline.send(lines[:half])
            pipeline.until(lambda: pipeline.count() > 0, "the first documents")
            command = broker.kill()
            pipeline.until(lambda: " WARNING " in worker.read_log(), "the outage is told")
            broker.restart(command)
            pipeline.send(lines[half:])
            pipeline.wait_for(lines)
            pipeline.wait_for_bursts(bursts)
            log = worker.read_log()
            assert worker.stop() < 10
            pipeline.judge(lines)
            assert pipeline.bursts() == bursts
            assert pipeline.read("dead") == []
            # Each part of the client says once in a while what it misses; after the time, 64 letters tell them apart.
            told = Counter(
                line[25:89] for line in log.splitlines() if " WARNING " in line or " ERROR " in line
            )
            assert max(told.values()) <= 1 + (time.monotonic() - began) / SAY_EVERY, log
        finally:
            pipeline.clean_up()


@pytest.mark.slow
def test_a_replay_after_a_rollover_gives_one_document_a_line(pipeline: Pipeline) -> None:
    lines = build_lines(LINES // 2, choose_start())
    half = len(lines) // 2
    pipeline.set_up()
    first = pipeline.start()
    pipeline.send(lines[:half])
    pipeline.wait_for(lines[:half])
    for stream in pipeline.ask(f"_resolve/index/{pipeline.streams}")["data_streams"]:
        assert pipeline.ask(f"{stream['name']}/_rollover", method="POST")["rolled_over"]
    # A shipper that sends again what has a place in a file.
    pipeline.send([line for line in lines[:half] if line.path is not None])
    pipeline.send(lines[half:])
    first.kill()
    second = pipeline.start()
    pipeline.wait_for(lines)
    pipeline.wait_for_bursts(find_bursts(lines))
    second.stop()
    pipeline.judge(lines)

    pipeline.group += (
        "-again"  # which has committed nothing, and whose batches are small beside what is replayed
    )
    pipeline.write_settings({"kafka": {"batch_records": 50}})
    pipeline.start("--stages", "index")
    pipeline.until(lambda: pipeline.lag("events") == 0, "all documents were offered to the index again")
    pipeline.judge(lines)
    assert pipeline.bursts() == find_bursts(lines)
    assert len({hit["_index"] for hit in pipeline.hits()}) >= 4


@pytest.mark.slow
def test_what_elasticsearch_refuses_is_a_dead_letter_with_its_reason(pipeline: Pipeline) -> None:
    lines = build_lines(400, choose_start())
    pipeline.set_up()
    # Somebody's own document: `http` is a text from now on, and an object in all of ours.
    stream = f"logs-nginx.access-{pipeline.namespace}"
    written = pipeline.ask(f"{stream}/_create/1", {"@timestamp": "2026-07-01T10:00:00Z", "http": "text"})
    pipeline.ask(f"{written['_index']}/_doc/1", method="DELETE")
    pipeline.send(lines)
    worker = pipeline.start()
    refused = [line for line in lines if line.path == ACCESS]
    taken = [line for line in lines if line not in set(refused)]
    pipeline.until(lambda: len(pipeline.read("dead")) >= len(refused), "the dead letters")
    pipeline.wait_for(taken)
    assert worker.stop() < 10

    letters = [json.loads(value) for _, value in pipeline.read("dead")]
    pipeline.judge(taken)
    assert len(letters) == len(refused)
    assert {letter["event"]["original"] for letter in letters} == {line.original for line in refused}
    for letter in letters:
        assert json.loads(letter["tailrace"]["document"])["event"]["original"] == letter["event"]["original"]
        assert letter["error"]["type"] == "refused_by_elasticsearch"
        assert "document_parsing_exception" in letter["error"]["message"]
        assert "http" in letter["error"]["message"]
        assert letter["tailrace"]["stage"] == "index"
        assert letter["tailrace"]["origin"]["topic"] == pipeline.topic("events")

"""With the real servers: no trace of a masked value in any topic of ours, in Elasticsearch, or in the worker's log."""

import json
import shutil

import pytest

from parsers.shipped import shipped_rules_directory
from tests.canaries import CANARIES, MASK_KEY, MASKS, build_records, find_traces
from tests.e2e.support import Pipeline
from tests.e2e.support_lines import Line, choose_start

FAILING_STAGE = """
def refuse_some(events):
    if events["event.original"].str.contains("refuse me").any():
        raise ValueError(f"cannot read {events['event.original'][0]}")
    return events
"""
BURSTS = """
name: everyone
timeframe: 1m
condition: {gte: 1}
group_by: [user.name, source.address]
tests:
  - name: one
    events: [{fields: {user.name: ada}, at: 0s}]
    expect: [{group: {user.name: ada}, count: 1}]
"""
RULES = ("syslog", "sshd", "nginx", "java", "json", "logfmt")


@pytest.mark.slow
@pytest.mark.parametrize("is_masked", [True, False])
def test_no_trace_of_a_masked_value_leaves_the_worker(pipeline: Pipeline, is_masked: bool) -> None:
    masking = {"mask": MASKS, "mask_key": MASK_KEY} if is_masked else {}
    (pipeline.folder / "my_stages.py").write_text(FAILING_STAGE)
    rules = pipeline.folder / "rules"
    (rules / "bursts").mkdir(parents=True)
    (rules / "bursts" / "everyone.yml").write_text(BURSTS)
    for name in RULES:
        shutil.copy(shipped_rules_directory() / f"{name}.yml", rules)
    pipeline.write_settings({"rules": {"directory": "rules"}}, stages=["my_stages:refuse_some"], **masking)
    pipeline.set_up()
    # Somebody's own document: `http` is a text from now on, so that access lines are refused.
    stream = f"logs-nginx.access-{pipeline.namespace}"
    written = pipeline.ask(f"{stream}/_create/1", {"@timestamp": "2026-07-01T10:00:00Z", "http": "text"})
    pipeline.ask(f"{written['_index']}/_doc/1", method="DELETE")
    start = choose_start()
    records = build_records()
    failing = [b"refuse me " + record for record in records[:8]]
    lines = [Line(record, "", start + number) for number, record in enumerate([*records, *failing])]

    pipeline.send(lines)
    worker = pipeline.start()
    pipeline.until(
        lambda: pipeline.count() + len(pipeline.read("dead")) >= len(lines),
        "every record is a document or a letter",
    )
    pipeline.until(lambda: not any(pipeline.lag(kind) for kind in ("raw", "events")), "all is committed")
    assert worker.stop() < 15

    letters = [json.loads(value) for _, value in pipeline.read("dead")]
    assert {letter["error"]["type"] for letter in letters} == {"stage_failed", "refused_by_elasticsearch"}
    assert pipeline.read("signals")
    outputs = [
        *(value for kind in ("events", "signals", "bursts", "dead") for _, value in pipeline.read(kind)),
        *(key or b"" for kind in ("events", "signals", "bursts", "dead") for key, _ in pipeline.read(kind)),
        json.dumps(pipeline.hits(), ensure_ascii=False).encode(),
        worker.read_log().encode(),
    ]
    found = set[str]().union(*map(find_traces, outputs))
    assert found == (set() if is_masked else set(CANARIES))

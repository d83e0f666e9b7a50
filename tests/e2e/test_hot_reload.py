"""Rules are edited under a running worker: sound ones go live at once and whole, the others change nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import Pipeline
from tests.e2e.support_lines import Line, choose_start

FIRST = r"""
name: app
patterns: ['^(?P<log.level>INFO|WARN) (?P<process.pid>\d+) (?P<message>.*)$']
set: {labels.edition: first, event.action: first}
tests: [{line: 'WARN 1 hot', expect: {message: hot}}]
"""
SECOND = FIRST.replace("first", "second").replace("INFO|WARN", "INFO|WARN|ERROR")
BROKEN = FIRST.replace("message: hot", "message: cold")
NARROW = FIRST.replace("INFO|WARN", "WARN")


@pytest.mark.slow
def test_edited_rules_go_live_whole_and_unsound_ones_never(pipeline: Pipeline) -> None:
    rules = pipeline.folder / "rules"
    rules.mkdir()
    file = rules / "app.yml"
    file.write_text(FIRST)
    pipeline.write_settings(
        {"rules": {"directory": "rules", "reload_interval": "200ms", "status_directory": "status"}}
    )
    pipeline.set_up()
    worker = pipeline.start()
    sent = send(pipeline, "INFO", 0, 3000)
    pipeline.wait_for(sent)

    file.write_text(BROKEN)
    pipeline.until(lambda: read_status(pipeline)["outcome"] == "refused", "the broken rules are refused")
    assert 'message: expected "cold", got "hot"' in read_status(pipeline)["reasons"][0]
    assert "The changed rules in" in worker.read_log()
    file.write_text(NARROW)
    pipeline.until(lambda: read_status(pipeline)["refusals"] == 2, "rules that lose lines are refused")
    assert "recent lines the new rules parse 0.0%" in read_status(pipeline)["reasons"][0]

    sent += send(pipeline, "INFO", 3000, 6000)
    file.write_text(SECOND)
    sent += send(pipeline, "INFO", 6000, 9000)
    pipeline.until(lambda: read_status(pipeline)["outcome"] == "accepted", "the sound rules go live")
    sent += send(pipeline, "ERROR", 9000, 10_000)
    pipeline.wait_for(sent)
    told = pipeline.run("rules", "status", "--config", "tailrace.yml")
    assert worker.stop() < 10

    hits = [hit["_source"] for hit in pipeline.hits()]
    assert len(hits) == len(sent)
    editions = {(hit["rule"]["version"], hit["labels"]["edition"], hit["event"]["action"]) for hit in hits}
    # Two sets, and no line that is of one in a field and of the other in another.
    assert {edition[1:] for edition in editions} == {("first", "first"), ("second", "second")}
    assert len(editions) == 2
    assert all(hit["labels"]["edition"] == "second" for hit in hits if hit["log"]["level"] == "error")
    assert "1 accepted, 2 refused" in told
    assert read_statuses(pipeline) == [], "a worker that ended leaves no status"


def send(pipeline: Pipeline, level: str, start: int, stop: int) -> list[Line]:
    now = choose_start(1)
    texts = [f"{level} {number} line" for number in range(start, stop)]
    lines = [Line(text.encode(), text, now) for text in texts]
    pipeline.send(lines)
    return lines


def read_statuses(pipeline: Pipeline) -> list[Path]:
    return list((pipeline.folder / "status").glob("rules-*.json"))


def read_status(pipeline: Pipeline) -> dict[str, Any]:
    (path,) = read_statuses(pipeline)
    found: dict[str, Any] = json.loads(path.read_text())
    return found

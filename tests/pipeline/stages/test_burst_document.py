import json
from typing import Any

import polars as pl

from parsers.burst_model import BurstRule
from pipeline.stages.burst_document import (
    DOCUMENT_SCHEMA,
    EPISODE_SCHEMA,
    describe_group,
    find_burst_id,
    merge_adjacent,
    to_burst_documents,
)
from pipeline.stages.window import BURST_SCHEMA

RULES = (
    BurstRule("errors", threshold=10, description="Ten errors", level="high"),
    BurstRule("logins", threshold=5, timeframe=300_000, level="critical"),
)
START = 1_767_225_600_000
GROUP = '{"event.dataset":"nginx.error","host.name":"web-1"}'


def burst(
    start: int = 0, rule: str = "errors", group: str = GROUP, count: int = 12, length: int = 60_000
) -> Any:
    return (
        rule,
        group,
        START + start,
        START + start + length,
        count,
        START + start + 1,
        START + start + 59_000,
    )


def to_bursts(*rows: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=BURST_SCHEMA, orient="row")


def test_a_burst_is_an_alert_in_ecs() -> None:
    documents = to_burst_documents(to_bursts(burst()), RULES)
    text = documents["document"].item()

    assert dict(documents.schema) == DOCUMENT_SCHEMA
    assert text.startswith('{"@timestamp":"2026-01-01T00:00:00.000Z","event":{')
    assert json.loads(text) == {
        "@timestamp": "2026-01-01T00:00:00.000Z",
        "message": "12 events in 60 s: errors, nginx.error on web-1 (threshold 10)",
        "event": {
            "kind": "alert",
            "action": "burst",
            "provider": "tailrace",
            "dataset": "nginx.error",
            "start": "2026-01-01T00:00:00.000Z",
            "end": "2026-01-01T00:01:00.000Z",
            "duration": 60_000_000_000,
            "severity": 73,
        },
        "host": {"name": "web-1"},
        "rule": {"name": "errors", "description": "Ten errors", "ruleset": "bursts"},
        "ecs": {"version": "9.5.0"},
        "tailrace": {
            "burst": {
                "count": 12,
                "threshold": 10,
                "level": "high",
                "first": "2026-01-01T00:00:00.001Z",
                "last": "2026-01-01T00:00:59.000Z",
            }
        },
    }


def test_bursts_of_several_rules_and_groups_keep_to_their_own_fields() -> None:
    rows = (
        burst(),
        burst(rule="logins", group='{"process.pid":7,"user.name":"ümläut \\"x\\""}', length=300_000),
        burst(group='{"process.pid":"seven"}'),
        burst(group="{}"),
    )
    read = [json.loads(text) for text in to_burst_documents(to_bursts(*rows), RULES)["document"]]

    assert [document.get("host") for document in read] == [{"name": "web-1"}, None, None, None]
    assert read[1]["user"] == {"name": 'ümläut "x"'}
    assert read[1]["event"]["duration"] == 300_000_000_000
    assert [document.get("process", {}).get("pid") for document in read] == [None, "7", "seven", None]
    assert "dataset" not in read[3]["event"]
    assert "description" not in read[1]["rule"]


def test_a_burst_has_one_id_however_its_count_and_others_have_another() -> None:
    first = to_burst_documents(
        to_bursts(burst(), burst(60_000), burst(group="{}"), burst(rule="logins")), RULES
    )
    again = to_burst_documents(to_bursts(burst(count=99)), RULES)

    assert first["_id"].n_unique() == 4
    assert again["_id"].item() == first["_id"][0] == find_burst_id("errors", GROUP, START)
    assert find_burst_id("errors", GROUP, START) == "a654fa12a8069e574cf39bcab4a53411-1767225600000"
    assert first["time"].to_list() == [START, START + 60_000, START, START]


def test_no_bursts_give_no_documents() -> None:
    documents = to_burst_documents(to_bursts(), RULES)

    assert documents.height == 0
    assert dict(documents.schema) == DOCUMENT_SCHEMA


def test_adjacent_windows_of_one_rule_and_group_are_one_episode() -> None:
    bursts = to_bursts(
        burst(120_000, count=3),
        burst(0, count=1),
        burst(60_000, count=2),
        burst(240_000, count=4),
        burst(60_000, group="{}", count=5),
        burst(0, rule="logins", count=6),
    )

    episodes = merge_adjacent(bursts)

    assert dict(episodes.schema) == EPISODE_SCHEMA
    found = episodes.with_columns(pl.col("start", "end", "first", "last") - START).rows()
    assert found == [
        ("errors", GROUP, 0, 180_000, 6, 3, 1, 179_000),
        ("logins", GROUP, 0, 60_000, 6, 1, 1, 59_000),
        ("errors", "{}", 60_000, 120_000, 5, 1, 60_001, 119_000),
        ("errors", GROUP, 240_000, 300_000, 4, 1, 240_001, 299_000),
    ]
    assert merge_adjacent(to_bursts()).height == 0
    assert dict(merge_adjacent(to_bursts()).schema) == EPISODE_SCHEMA


def test_groups_are_described_for_people() -> None:
    assert describe_group(GROUP) == "nginx.error on web-1"
    assert describe_group('{"host.name":"web-1"}') == "host web-1"
    assert describe_group('{"event.dataset":"app"}') == "app"
    assert describe_group('{"event.dataset":"app","host.name":"a","user.id":5}') == "app, user.id 5 on a"
    assert describe_group("{}") == "all events"

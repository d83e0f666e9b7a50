import urllib.request
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.metrics import serve_metrics
from pipeline.reload.status import RuleStatus
from tests.servers.process import find_free_ports

STATUS = RuleStatus(
    pid=1, program="worker a", directory="/rules", hash="0123456789ab", rules=3, since="", written="",
    reloads=2, refusals=1, events={"nginx_access": 10, "": 4}, experimental={"trial": 5}, quarantined={"slow": "why"},
)  # fmt: skip


def test_prometheus_reads_the_status_of_the_moment() -> None:
    status = STATUS
    (port,) = find_free_ports(1)
    stop = serve_metrics(port, "127.0.0.1", lambda: status)
    try:
        first = read(port)
        status = replace(STATUS, reloads=3)
        second = read(port)
    finally:
        stop()
    assert first["tailrace_rules_info", ("hash", "0123456789ab")] == 1
    assert first["tailrace_rules_loaded",] == 3
    assert first["tailrace_rule_reloads_total", ("outcome", "accepted")] == 2
    assert first["tailrace_rule_reloads_total", ("outcome", "refused")] == 1
    assert first["tailrace_rule_events_total", ("rule", "nginx_access")] == 10
    assert first["tailrace_rule_events_total", ("rule", "")] == 4
    assert first["tailrace_experimental_rule_events_total", ("rule", "trial")] == 5
    assert first["tailrace_rule_quarantined", ("rule", "slow")] == 1
    assert second["tailrace_rule_reloads_total", ("outcome", "accepted")] == 3
    with pytest.raises(OSError, match="refused"):
        read(port)


def read(port: int) -> dict[tuple[object, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

"""The rules of a worker as Prometheus metrics, read off its status when somebody asks: batches pay nothing."""

from collections.abc import Callable, Iterator

from loguru import logger
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.reload.status import RuleStatus


class RuleCollector(Collector):
    """Makes metrics of a status. A class, since Prometheus' client asks for one."""

    def __init__(self, read: Callable[[], RuleStatus]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """The metrics of the moment; a rule without a name stands for events that no rule took."""
        status = self._read()
        yield InfoMetricFamily("tailrace_rules", "The rule set in force", {"hash": status.hash})
        yield GaugeMetricFamily("tailrace_rules_loaded", "Rules in force", status.rules)
        reloads = CounterMetricFamily("tailrace_rule_reloads", "Changes of the rules", labels=["outcome"])
        reloads.add_metric(["accepted"], status.reloads)
        reloads.add_metric(["refused"], status.refusals)
        yield reloads
        events = CounterMetricFamily(
            "tailrace_rule_events", "Events by the rule that took them", labels=["rule"]
        )
        for rule, count in status.events.items():
            events.add_metric([rule], count)
        yield events
        tried = CounterMetricFamily(
            "tailrace_experimental_rule_events",
            "Events that an experimental rule would take",
            labels=["rule"],
        )
        for rule, count in status.experimental.items():
            tried.add_metric([rule], count)
        yield tried
        quarantined = GaugeMetricFamily(
            "tailrace_rule_quarantined", "Rules switched off since they take too long", labels=["rule"]
        )
        for rule in status.quarantined:
            quarantined.add_metric([rule], 1)
        yield quarantined


def serve_metrics(port: int, address: str, read: Callable[[], RuleStatus]) -> Callable[[], None]:
    """Serve `/metrics` for Prometheus from a thread; returns what ends it. Raises OSError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(RuleCollector(read))
    server, thread = start_http_server(port, address, registry)
    logger.info("Metrics are at http://{}:{}/metrics", address, server.server_port)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop

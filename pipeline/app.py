"""`build_app(settings)`: Tailrace as a Faust app, to run or to add agents and tables to.

app = build_app(settings)

@app.agent(app.topic("orders"))           # a topic of your own: single records, as always in Faust
async def count(orders): ...

@app.agent(app.topic("logs.events"))      # one of ours: a stream of RecordBatch
async def watch(batches):
async for batch in batches:
for key, document in zip(batch.keys, batch.values): ...
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from faust.types import TP

from parsers.bursts import load_burst_rules
from parsers.load import load_rule_set
from parsers.ruleset import RuleSet
from parsers.shipped import shipped_rules_directory
from pipeline.agents.burst import add_burst_agent
from pipeline.agents.index import add_index_agent
from pipeline.agents.parse import add_parse_agent
from pipeline.agents.ports import Ports
from pipeline.flow import Flow, UserStage, build_flow
from pipeline.kafka.batch_app import BatchApp
from pipeline.kafka.connection import build_credentials
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.producer import BatchProducer
from pipeline.live import Live
from pipeline.metrics import serve_metrics
from pipeline.reload.options import to_watch_options
from pipeline.reload.seen import Seen, build_seen
from pipeline.reload.watcher import RuleWatcher, Watched
from pipeline.rule_store import open_store
from pipeline.settings import Settings, to_installation
from pipeline.sinks.elasticsearch import build_elasticsearch_sink
from pipeline.sinks.sink import DocumentSink
from pipeline.user_stages import load_user_stages

_AGENTS: Final = {"parse": add_parse_agent, "burst": add_burst_agent, "index": add_index_agent}
# After SIGTERM: what is left of the time for the last commit and for leaving the group.
_LEAVING: Final = 3.0
_SINK_PATIENCE: Final = 0.5


class TailraceApp(BatchApp):
    """The Faust app of `build_app`. `ports` is what the agents use."""

    mundane_level = "debug"

    ports: Ports
    watcher: RuleWatcher | None = None
    stop_metrics: Callable[[], None] | None = None

    async def on_start(self) -> None:
        """Connect the producer before anything is read; waits for a broker that is away."""
        await super().on_start()
        watcher, metrics = self.watcher, self.ports.settings.metrics
        if watcher is not None:
            watcher.start()
            if metrics.port is not None:
                self.stop_metrics = serve_metrics(metrics.port, metrics.address, lambda: watcher.status)
        await self.ports.producer.start()

    async def on_stop(self) -> None:
        """Let the agents end what they have begun, commit, and close the ways out."""
        options = self.ledger.options
        giving_up = asyncio.get_running_loop().call_later(
            options.stop_drain * _SINK_PATIENCE, self.ports.sink.stop
        )
        try:
            await super().on_stop()
        finally:
            giving_up.cancel()
            if self.watcher is not None:
                self.watcher.stop()
            if self.stop_metrics is not None:
                self.stop_metrics()
            await self.ports.producer.stop(options.last_commit)
            await self.ports.sink.close()

    def to_partition(self, topic: str, number: int) -> TP:
        """Faust's name for a partition."""
        return TP(topic, number)

    def read_end(self, partition: TP) -> tuple[int | None, int | None]:
        """The position in a partition that this process reads, and its end as last heard of."""
        position: int | None
        end: int | None
        position, end = self.consumer._thread.end(partition)
        return position, end


def build_app(
    settings: Settings,
    stages: Sequence[str] | None = None,
    *,
    sink: DocumentSink | None = None,
    user_stages: Sequence[UserStage] | None = None,
    **faust_settings: Any,
) -> TailraceApp:
    """A Faust app with the agents of `stages` (default: `settings.worker.stages`), ready to start.

    `sink` takes the documents instead of the Elasticsearch of the settings; `user_stages` run after parse
    instead of those that `settings.stages` names;
    `faust_settings` go to `faust.App`. Call it in the event loop that the app is to run in. Raises RuleError for rules
    that cannot be used and ValueError for a stage that does not exist. Connects to nothing.
    """
    chosen = tuple(settings.worker.stages if stages is None else stages)
    unknown = sorted(set(chosen) - set(_AGENTS))
    if unknown:
        raise ValueError(f"there is no stage {', '.join(unknown)}: use some of {', '.join(_AGENTS)}")
    app = TailraceApp(
        settings.kafka.group,
        servers=settings.kafka.bootstrap_servers,
        options=to_batch_options(settings),
        **{**_to_faust_settings(settings), **faust_settings},
    )
    own = load_user_stages(settings.stages) if user_stages is None else user_stages
    app.ports = build_ports(settings, sink, own)
    if "parse" in chosen:
        app.watcher = build_watcher(settings, app.ports.flow, app.ports.seen)
    for stage in chosen:
        _AGENTS[stage](app, app.ports)
    return app


def build_ports(settings: Settings, sink: DocumentSink | None, user_stages: Sequence[UserStage]) -> Ports:
    """Load the rules and prepare the ways out, without connecting."""
    directory = settings.rules.directory or shipped_rules_directory()
    bursts = load_burst_rules(directory)
    rules = load_rule_set(
        directory,
        settings.rules.default_timezone,
        installation=to_installation(settings),
        store=open_store(os.environ),
    )
    live = Live(build_flow(rules, bursts, user_stages, settings.elasticsearch.namespace))

    def isolate(names: frozenset[str]) -> None:
        live.update(lambda flow: replace(flow, rules=flow.rules.without(names)))

    return Ports(
        settings,
        live,
        build_seen(settings.rules.trial_lines, isolate),
        bursts,
        BatchProducer(settings.kafka),
        sink or build_elasticsearch_sink(settings.elasticsearch),
    )


def build_watcher(settings: Settings, live: Live[Flow], seen: Seen) -> RuleWatcher:
    """Who judges changed rules and puts them in force; burst rules stay those of the start, as open windows do."""
    directory = settings.rules.directory or shipped_rules_directory()

    def load(current: RuleSet) -> RuleSet:
        store = open_store(os.environ)
        return load_rule_set(directory, settings.rules.default_timezone, earlier=current, store=store)

    def apply(rules: RuleSet) -> None:
        live.update(lambda flow: replace(flow, rules=rules))

    watched = Watched(directory, load, lambda: live.read().rules, apply, seen)
    return RuleWatcher(watched, to_watch_options(settings.rules, f"worker {settings.kafka.group}"))


def to_batch_options(settings: Settings) -> BatchOptions:
    """How our topics are read."""
    kafka, topics = settings.kafka, settings.kafka.topics
    drain = max(1.0, settings.worker.drain - _LEAVING)
    return BatchOptions(
        topics=frozenset({topics.raw, topics.events, topics.signals, topics.bursts, topics.dead}),
        manual=frozenset({topics.signals}),
        batch_records=kafka.batch_records,
        batch_bytes=kafka.batch_bytes,
        topic_bytes=3 * kafka.batch_bytes,
        revoke_drain=min(3.0, drain),
        stop_drain=drain,
    )


def _to_faust_settings(settings: Settings) -> dict[str, Any]:
    session = settings.kafka.session_timeout
    return {
        "broker_session_timeout": session,
        "broker_heartbeat_interval": min(3.0, session / 3),
        "broker_request_timeout": max(40.0, session + 5),
        "broker_client_id": settings.kafka.client_id,
        "broker_credentials": build_credentials(settings.kafka),
        "consumer_auto_offset_reset": "earliest",
        "topic_replication_factor": settings.kafka.replication_factor,
        "producer_acks": -1,
        # Where tables would keep their files; the working directory is not ours.
        "datadir": Path(tempfile.gettempdir()) / f"tailrace-{settings.kafka.group}",
    }

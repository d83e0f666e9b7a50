"""Tailrace as a library: a user's own agents, tables and stages beside ours, and `tailrace setup` run again."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.support import RUNS, Pipeline
from tests.e2e.support_lines import ACCESS, Line, build_lines, choose_start

OWN_APP = """
import asyncio, json, os, signal
from pathlib import Path

from pipeline.app import build_app
from pipeline.settings import load_settings


async def main():
    settings = load_settings(Path("tailrace.yml"), os.environ)
    app = build_app(settings, datadir="tables")
    orders = app.topic("ORDERS", value_type=bytes, value_serializer="raw", partitions=1, internal=True)
    counts = app.Table("counts", default=int, partitions=1)

    @app.agent(orders)
    async def count(stream):
        async for item in stream:
            counts[item.decode()] += 1
            Path("count-" + item.decode()).write_text(str(counts[item.decode()]))

    @app.agent(app.topic(settings.kafka.topics.events))
    async def watch(batches):
        with open("watched", "a", buffering=1) as watched:
            async for batch in batches:
                for key, document in zip(batch.keys, batch.values):
                    print(key.decode(), json.loads(document)["event"]["dataset"], file=watched)

    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await app.start()
    print("RUNS", flush=True)
    await stopping.wait()
    await app.stop()


asyncio.run(main())
"""

OWN_STAGE = """
import polars as pl

def add_team(events):
    return events.with_columns(pl.lit("shop").alias("labels.team"))
"""


@pytest.mark.slow
def test_a_users_agents_and_table_work_beside_ours(pipeline: Pipeline) -> None:
    lines = build_lines(2000, choose_start())
    topic = f"e2e-{pipeline.name}.orders"
    pipeline.set_up()
    (pipeline.folder / "own.py").write_text(OWN_APP.replace("ORDERS", topic).replace("RUNS", RUNS))
    orders = [("lamp", "chair", "desk")[number % 3] for number in range(200)]
    middle = len(lines) // 2
    ordered: Counter[str] = Counter()

    # The second run goes on with the table that the first one left.
    for some_lines, some_orders in ((lines[:middle], orders[:100]), (lines[middle:], orders[100:])):
        worker = pipeline.start(command=(sys.executable, "own.py"))
        pipeline.send(some_lines)
        pipeline.send([Line(order.encode(), order, choose_start()) for order in some_orders], topic, 0)
        ordered.update(some_orders)
        pipeline.until(lambda: read_counts(pipeline.folder) == ordered, "the orders are counted")
        assert worker.stop() < 15
    pipeline.start()
    pipeline.wait_for(lines)

    hits = pipeline.judge(lines)
    watched = [line.rsplit(" ", 1) for line in (pipeline.folder / "watched").read_text().splitlines()]
    ids = {key.rpartition("/")[2] for key, _ in watched}
    assert ids <= {hit["_id"] for hit in hits}
    assert len(ids) > middle
    assert {dataset for _, dataset in watched} == {hit["_source"]["event"]["dataset"] for hit in hits}


def read_counts(folder: Path) -> Counter[str]:
    """What the user's agent has written of its table."""
    return Counter(
        {path.name.removeprefix("count-"): int(path.read_text() or 0) for path in folder.glob("count-*")}
    )


@pytest.mark.slow
def test_a_users_stage_runs_on_files_and_in_the_worker(pipeline: Pipeline) -> None:
    lines = build_lines(500, choose_start())
    (pipeline.folder / "my_stages.py").write_text(OWN_STAGE)
    pipeline.write_settings(stages=["my_stages:add_team"])
    log = pipeline.folder / "access.log"
    log.write_text("".join(f"{line.original}\n" for line in lines if line.path == ACCESS))
    pipeline.run("run", str(log), "--config", "tailrace.yml", "--store", "store")
    stored = pipeline.run("search", "--store", "store", "--json", "--limit", "0", "").splitlines()
    assert {json.loads(document)["labels"]["team"] for document in stored} == {"shop"}

    pipeline.set_up()
    pipeline.send(lines)
    worker = pipeline.start()
    pipeline.wait_for(lines)
    assert worker.stop() < 10
    assert {hit["_source"]["labels"]["team"] for hit in pipeline.judge(lines)} == {"shop"}


def test_setup_run_again_changes_nothing(pipeline: Pipeline) -> None:
    made = (
        f"_index_template/tailrace-logs-{pipeline.namespace}",
        f"_index_template/{pipeline.bursts_index}",
        "_component_template/tailrace-*",
        pipeline.bursts_index,
    )
    first = pipeline.set_up()
    before = [pipeline.ask(path) for path in made]
    second = pipeline.set_up()
    assert first.count("created") >= 8, first
    # Notes on a step are indented.
    assert {line.split()[-1] for line in second.splitlines() if line[0] != " "} == {"unchanged"}, second
    assert [pipeline.ask(path) for path in made] == before

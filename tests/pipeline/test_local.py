from pathlib import Path

import polars as pl
import pytest

from parsers.model import Rule
from pipeline.local import Engine, Limits, Summary, Tally, load_engine, parse_files, run_files
from pipeline.sinks.segments import list_segments
from pipeline.sinks.store import StoreWriter
from pipeline.sources.errors import SourceError
from tests.pipeline.local_rules import make_log
from tests.pipeline.local_rules import rules as rules


class Observer:
    def __init__(self) -> None:
        self.bytes = 0
        self.errors: list[SourceError] = []

    def read(self, count: int) -> None:
        self.bytes += count

    def fail(self, error: SourceError) -> None:
        self.errors.append(error)


@pytest.fixture(scope="module")
def engine(rules: Path) -> Engine:
    return load_engine(rules)


def store_all(engine: Engine, paths: list[Path], store: Path, limits: Limits) -> tuple[pl.DataFrame, Summary]:
    tally = Tally(lambda: 1.0)
    found = run_files(engine, map(str, paths), Observer(), tally, 0, StoreWriter(store), limits)
    return found, tally.to_summary(found.height)


def read_store(store: Path) -> pl.DataFrame:
    frames = [pl.read_parquet(segment.path, hive_partitioning=False) for segment in list_segments(store)]
    return pl.concat(frames, how="diagonal_relaxed").sort("_id")


def test_a_run_counts_what_it_did(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(4))

    found, summary = store_all(engine, [path, tmp_path / "missing"], tmp_path / "store", Limits())

    assert summary == Summary(
        files=1,
        bytes=len(make_log(4)),
        lines=20 * 3 + 8,
        events=28,
        parsed=24,
        bursts=2,
        seconds=0.0,
        datasets={"app.java": 20, "generic": 4, "web.access": 4},
        rules={"access": 4, "java": 20},
        errors=summary.errors,
    )
    assert [str(error) for error in summary.errors] == [f"cannot read {tmp_path}/missing: no such file"]
    assert found["count"].to_list() == [6, 6]
    assert read_store(tmp_path / "store").height == 28


def test_bursts_do_not_depend_on_the_order_of_files(tmp_path: Path, engine: Engine) -> None:
    late, early = tmp_path / "a.log", tmp_path / "b.log"
    late.write_text("".join(f"2026-07-01 11:00:{second:02} ERROR late\n" for second in range(3)))
    early.write_text(
        make_log(2) + "".join(f"2026-07-01 11:00:{second:02} ERROR late\n" for second in range(3))
    )

    found, _ = store_all(engine, [late, early], tmp_path / "store", Limits())
    turned, _ = store_all(engine, [early, late], tmp_path / "other", Limits())

    assert found["count"].to_list() == [6, 6]
    assert turned.equals(found)


@pytest.mark.parametrize("block_bytes", [1, 7, 100])
def test_the_size_of_blocks_changes_nothing(tmp_path: Path, engine: Engine, block_bytes: int) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(2))

    found, summary = store_all(engine, [path], tmp_path / "whole", Limits())
    cut, cut_summary = store_all(engine, [path], tmp_path / "cut", Limits(block_bytes=block_bytes))

    assert cut.equals(found)
    assert cut_summary == summary
    assert read_store(tmp_path / "cut").equals(read_store(tmp_path / "whole"), null_equal=True)


def test_reading_again_after_a_change_of_rules_leaves_one_version(
    tmp_path: Path, engine: Engine, rules: Path
) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(2))
    store_all(engine, [path], tmp_path / "store", Limits())
    before = read_store(tmp_path / "store")
    fewer = tmp_path / "rules"
    fewer.mkdir()
    (fewer / "java.yml").write_text((rules / "java.yml").read_text())

    store_all(load_engine(fewer), [path], tmp_path / "store", Limits())
    after = read_store(tmp_path / "store")

    assert after["_id"].to_list() == before["_id"].to_list()
    assert set(before["event.dataset"]) == {"app.java", "web.access", "generic"}
    assert set(after["event.dataset"]) == {"app.java", "generic"}


def test_documents_come_in_the_order_of_the_input(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "app.log"
    path.write_text(make_log(3))
    observer = Observer()

    documents = pl.concat(list(parse_files(engine, [str(path)], observer, Tally(), 0)))

    offsets = documents.str.json_path_match("$.log.offset").cast(pl.Int64)
    assert offsets.is_sorted()
    assert documents.len() == 14 + 6
    assert observer.bytes == path.stat().st_size


def test_the_engine_knows_which_rules_join_lines(engine: Engine) -> None:
    joining: list[Rule] = [engine.flow.rules.rules[join.rule] for join in engine.joiner.joins.joins]

    assert [rule.name for rule in joining] == ["java"]

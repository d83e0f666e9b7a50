import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.local import load_engine
from pipeline.measure import FEWEST, loop_plainly, measure, measure_rules
from tests.pipeline.local_rules import rules as rules
from tests.pipeline.local_rules import run_tailrace

ACCESS = "2026-07-01T10:00:00Z web-1 access 200 /a\n"
JAVA = "2026-07-01 10:00:01 ERROR boom\n\tat a\n\tat b\n"
STRANGE = "what is this\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text((ACCESS * 6 + JAVA + STRANGE) * 50)
    return path


def test_stages_and_rules_are_told(log: Path, rules: Path) -> None:
    run = run_tailrace("bench", log, "--rules", rules, "--rounds", "2")
    text = run.stdout.decode()

    assert run.returncode == 0
    assert text.startswith("400 events of ")
    assert "87.5% parsed; 2 rounds" in text
    for name in (
        "choose a rule",
        "extract fields",
        "write documents",
        "all of it",
        "a plain loop of regex and json",
    ):
        assert sum(line.startswith(name) for line in text.splitlines()) == 1
    assert [line.split()[0] for line in text.splitlines() if " 75.0% " in line] == ["access", "access"]
    assert "(none)" in text


def test_as_json_it_is_for_programs(log: Path, rules: Path) -> None:
    run = run_tailrace("bench", log, "--rules", rules, "--rounds", "3", "--lines", "200", "--json")
    found: dict[str, Any] = json.loads(run.stdout)

    assert (found["events"], found["rounds"], found["parsed"]) == (200, 3, 0.875)
    assert found["machine"]["threads"] == "1"
    whole = found["stages"]["all"]
    assert whole["rate"]["low"] <= whole["rate"]["median"] <= whole["rate"]["high"]
    assert 0 < whole["cpu"]["low"] <= whole["cpu"]["median"] <= whole["cpu"]["high"]
    assert found["stages"]["extract"]["rate"] is None
    lines = {rule["rule"]: rule["lines"] for rule in found["rules"]}
    assert lines == {"access": 150, "java": 25, None: 25}
    assert sum(rule["cost"] for rule in found["rules"]) == pytest.approx(1)
    assert sum(rule["share"] for rule in found["rules"]) == pytest.approx(1)


def test_without_lines_there_is_nothing_to_measure(tmp_path: Path, rules: Path) -> None:
    path = tmp_path / "empty.log"
    path.touch()

    run = run_tailrace("bench", path, "--rules", rules)

    assert run.returncode == 1
    assert b"there are no lines to measure" in run.stderr


def test_a_file_that_is_not_there_fails_the_run(log: Path, rules: Path) -> None:
    run = run_tailrace("bench", log, log.with_name("gone.log"), "--rules", rules, "--rounds", "1")

    assert run.returncode == 1
    assert b"gone.log" in run.stderr
    assert b"400 events" in run.stdout


def test_a_rule_of_few_lines_is_not_measured_alone(rules: Path) -> None:
    import polars as pl

    engine = load_engine(rules)
    texts = [ACCESS.strip()] * 100 + [STRANGE.strip()] * (FEWEST - 1)
    batch = pl.DataFrame({"event.original": texts, "_time": [0] * len(texts)})

    costs = {cost.rule: cost for cost in measure_rules(engine, [batch, batch[:50]])}

    assert costs["access"].lines == 150
    assert costs["access"].alone is not None
    assert costs["access"].alone > 0
    assert costs[None].alone is None
    assert costs[None].lines == FEWEST - 1


def test_the_plain_loop_reads_what_it_knows() -> None:
    import polars as pl

    known = 'www.example.org - - [01/Jul/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 7'
    line = f'{{"event": {{"original": {json.dumps(known)}}}'

    assert loop_plainly(pl.Series([known])) > len(line) + len('"status": "200"')
    assert loop_plainly(pl.Series(["x"])) == len('{"event": {"original": "x"}}')


def test_rounds_are_told_as_they_come(rules: Path) -> None:
    import polars as pl

    from pipeline.measure import Input

    batch = pl.DataFrame({"event.original": [ACCESS.strip()] * 10, "_time": [0] * 10})
    heard: list[int] = []

    report = measure(load_engine(rules), Input((batch, batch), 20, 800), 2, heard.append)

    assert heard == [1, 2]
    assert (report.events, report.batches, report.parsed) == (20, 2, 1.0)

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import worker as command
from pipeline.cli.worker import AUTO, plan_workers, worker
from pipeline.cores import count_cores
from pipeline.settings import LogSettings, Settings, WorkerSettings
from pipeline.settings.model import MetricsSettings
from pipeline.supervisor import Plan


def test_a_plan_repeats_the_command_and_shares_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.cores.count_cores", lambda: 7)
    settings = Settings(worker=WorkerSettings(drain=20.0), log=LogSettings(level="debug", json=True))
    plan = plan_workers(settings, 3, Path("a/t.yml"), ("parse", "index"), Path("rules"))
    assert plan.command[-8:] == (
        "pipeline",
        "worker",
        "--config",
        "a/t.yml",
        "--stages",
        "parse,index",
        "--rules",
        "rules",
    )
    assert (plan.processes, plan.threads, plan.log_level, plan.log_json) == (3, 2, "debug", True)
    assert plan.grace > 20


def test_auto_is_one_process_with_one_thread_for_each_core() -> None:
    plan = plan_workers(Settings(), AUTO, None, None, None)
    assert (plan.processes, plan.threads) == (count_cores(), 1)
    assert plan.command[-2:] == ("pipeline", "worker")
    assert plan.grace < 10


def test_more_processes_than_cores_have_a_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.cores.count_cores", lambda: 2)
    assert plan_workers(Settings(), 5, None, None, None).threads == 1


@pytest.mark.parametrize(
    ("setting", "arguments", "processes"),
    [
        (1, ["--processes", "3"], 3),
        (4, [], 4),
        (4, ["--processes", "2"], 2),
        (1, ["--processes", "auto"], count_cores()),
        (0, [], count_cores()),
    ],
)
def test_the_option_wins_over_the_setting(
    monkeypatch: pytest.MonkeyPatch, setting: int, arguments: list[str], processes: int
) -> None:
    plans: list[Plan] = []

    def become(plan: Plan, environ: Mapping[str, str]) -> None:
        plans.append(plan)
        raise SystemExit(0)

    monkeypatch.setattr("pipeline.supervise.become_supervisor", become)
    monkeypatch.setattr(command, "spare_memory", lambda: None)
    monkeypatch.setenv("TAILRACE_WORKER_PROCESSES", str(setting))
    assert CliRunner().invoke(worker, arguments).exit_code == 0
    assert [plan.processes for plan in plans] == [processes]


@pytest.mark.parametrize("text", ["-1", "2.5", "many", ""])
def test_what_is_no_number_of_processes_is_refused(text: str) -> None:
    result = CliRunner().invoke(worker, ["--processes", text])
    assert result.exit_code == 2
    assert "is neither a whole number nor auto" in result.output


@pytest.mark.parametrize(("number", "port"), [(None, 9464), (1, 9464), (3, 9466)])
def test_each_process_has_a_metrics_port_and_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int | None, port: int
) -> None:
    seen: list[tuple[int | None, int | None]] = []
    nodes: list[str] = []

    async def run(settings: Settings, stages: object, *, life_line: int | None) -> None:
        seen.append((settings.metrics.port, life_line))

    monkeypatch.setattr("pipeline.worker.run_worker", run)
    monkeypatch.setattr("pipeline.logs.configure_logs", lambda *_, node, **__: nodes.append(node))
    settings = Settings(metrics=MetricsSettings(port=9464))
    with (tmp_path / "stdin").open("w+") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        command._run(settings, None, number)
        assert seen == [(port, None if number is None else stdin.fileno())]
    assert nodes == ["" if number is None else f"worker-{number}"]

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.config import config


@pytest.fixture(autouse=True)
def no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("TAILRACE_"):
            monkeypatch.delenv(name)


def test_the_command_prints_what_is_in_force_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "tailrace.yml"
    path.write_text("kafka: {group: mine}\nelasticsearch: {api_key: hunter2}\n", encoding="utf-8")
    result = CliRunner(env={"TAILRACE_KAFKA_PARTITIONS": "9"}).invoke(config, ["--config", str(path)])
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["group:", "mine", "#", f"{path}:1"] in lines
    assert ["partitions:", "9", "#", "environment", "TAILRACE_KAFKA_PARTITIONS"] in lines
    assert "hunter2" not in result.output


def test_mistakes_end_the_command_with_their_places_alone(tmp_path: Path) -> None:
    path = tmp_path / "tailrace.yml"
    path.write_text("kafak: {}\nlog: {levle: info}\n", encoding="utf-8")
    result = CliRunner().invoke(config, ["--config", str(path)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{path}:1:1: error: unknown key 'kafak'; did you mean 'kafka'?",
        f"{path}:2:7: error: unknown key 'levle' in 'log'; did you mean 'level'?",
    ]

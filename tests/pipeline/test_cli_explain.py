import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.rules import rules

RULE = r"""
name: app
patterns: ['^(?P<log.level>INFO|WARN) \[(?P<process.thread.name>\w+)\] (?P<message>.*)$']
tests: [{line: 'WARN [a] b', expect: {message: b}}]
"""
UNPARSED = """WARN [main hot

No rule takes this event.

Fields
"""
NEAREST = r"""
Nearest rules
  app, pattern 1: matches 10 of 14 characters  rules/app.yml:3:13
      matched            WARN [main
      the line goes on    hot
      the pattern wants  \] (?P<message>.*)$
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "app.yml").write_text(RULE)
    return tmp_path


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(rules, ["explain", "--rules", "rules", *arguments], input=given)


def test_a_parsed_line() -> None:
    told = run("WARN [main] hot").stdout
    assert "Parsed by rule app\n  app: read the line, pattern 1  rules/app.yml:3:13\n" in told
    assert "rule app: captured by pattern 1, columns 7-10" in told


def test_an_unparsed_line_shows_where_it_broke() -> None:
    told = run("WARN [main hot").stdout
    assert told.startswith(UNPARSED)
    assert NEAREST in told


def test_json_for_other_programs() -> None:
    told = json.loads(run("--json", "WARN [main hot").stdout)
    assert (told["rule"], told["nearest"][0]["rule"]) == (None, "app")
    assert told["nearest"][0]["pattern_goes_on_with"] == r"\] (?P<message>.*)$"
    assert told["nearest"][0]["line_goes_on_with"] == " hot"


def test_of_a_file_the_unparsed_events_are_explained(directory: Path) -> None:
    (directory / "app.log").write_text("INFO [a] fine\nnope\nWARN [b] fine\nneither\n")
    told = run("app.log").stdout
    assert "nope\n\nNo rule takes this event." in told
    assert "neither\n\nNo rule takes this event." in told
    assert "fine" not in told
    assert run("--limit", "1", "app.log").stdout.count("No rule takes") == 1
    assert run("-", given="INFO [a] fine\n").stdout == "Every event of the input is parsed by a rule.\n"
    assert run("--all", "--json", "app.log").stdout.count("\n") == 4


def test_the_record_is_given_by_options() -> None:
    told = json.loads(
        run("--json", "--with", "host.name=web-1", "--time", "2026-07-01T10:00:00Z", "x").stdout
    )
    values = {field["field"]: field["value"] for field in told["fields"]}
    assert (values["host.name"], values["@timestamp"]) == ("web-1", "2026-07-01T10:00:00.000Z")


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in run("evil \x1b[31m\x07 line").stdout


@pytest.mark.parametrize(
    "arguments", [("--with", "host", "x"), ("--time", "noon", "x"), ("--timezone", "Mars", "x")]
)
def test_wrong_options_are_usage_errors(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2

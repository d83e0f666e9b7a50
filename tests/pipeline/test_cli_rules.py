from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.rules import rules

FINE = r"""
name: app
patterns: ['^(?P<log.level>\w+) (?P<message>.*)$']
tests:
  - {name: level, line: WARN hot, expect: {log.level: warn, message: hot}}
  - {name: other, line: hot, expect: no_match}
"""
FAILING = r"""
name: fails
priority: 1
patterns: ['^x(?P<log.level>\w+) (?P<message>.*)$']
tests:
  - name: wrong level
    line: "xWARN \e[31mhot\a\n  more"
    expect: {log.level: error}
  - {name: takes too much, line: xWARN hot, expect: no_match}
  - {name: another took it, line: WARN hot, expect: {}}
  - {line: '=', expect: {}}
"""
BURST = """
name: many_errors
filter: {log.level: error}
group_by: [host.name]
timeframe: {minutes: 1}
condition: {gte: %d}
tests:
  - name: two errors
    events: [{host.name: a, log.level: error, repeat: 2}]
    expect: [{host.name: a, count: 2}]
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    directory = Path("rules")
    (directory / "bursts").mkdir(parents=True)
    (directory / "app.yml").write_text(FINE)
    return directory


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, arguments, catch_exceptions=False)


def test_check_counts_what_it_looked_at(directory: Path) -> None:
    (directory / "bursts" / "many.yml").write_text(BURST % 2)

    result = run("check", "rules")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "2 files, 1 rule, 1 burst rule, 0 errors\n"


def test_check_tells_all_problems_and_fails(directory: Path) -> None:
    (directory / "bad.yml").write_text("name: bad\npatern: x\n---\nname: worse\npatterns: ['(']\n")
    (directory / "bursts" / "many.yml").write_text(BURST.replace("timeframe", "timefram") % 2)

    result = run("check", "rules")

    assert result.exit_code == 1
    assert [line.split(" error: ")[0] for line in result.stderr.splitlines()][:4] == [
        "rules/bad.yml:1:7:",
        "rules/bad.yml:2:1:",
        "rules/bad.yml:4:7:",
        "rules/bad.yml:5:13:",
    ]
    assert (
        "rules/bad.yml:2:1: error: unknown key 'patern' in a rule; did you mean 'patterns'?" in result.stderr
    )
    assert "rules/bursts/many.yml:5:1: error: unknown key 'timefram'" in result.stderr
    assert " errors\n" in result.stdout


def test_a_warning_alone_does_not_fail(directory: Path) -> None:
    (directory / "app.yml").write_text(FINE + "types: {process.pid: long}\n")

    result = run("check", "rules")

    assert (result.exit_code, result.stdout) == (0, "1 file, 1 rule, 0 errors, 1 warning\n")
    assert "warning: 'types' names 'process.pid'" in result.stderr


def test_a_missing_directory_is_an_error() -> None:
    result = run("check", "/nonexistent/rules")

    assert result.exit_code == 1
    assert result.stderr == (
        "/nonexistent/rules:1:1: error: there is no such directory; name a directory that holds rule files\n"
    )


def test_tests_that_pass(directory: Path) -> None:
    (directory / "bursts" / "many.yml").write_text(BURST % 2)

    result = run("test", "rules")

    assert result.exit_code == 0
    assert result.stdout == (
        "2 files, 1 rule, 1 burst rule, 0 errors\ncoverage: 1 of 1 pattern\n3 tests, 0 failed\n"
    )


def test_a_failing_test_shows_the_line_and_what_came_out(directory: Path) -> None:
    (directory / "fails.yml").write_text(FAILING)

    result = run("test", "rules")

    assert result.exit_code == 1
    assert result.stdout == (
        "2 files, 2 rules, 0 errors\n"
        "rules/fails.yml:6:5: failed: rule 'fails', test 'wrong level'\n"
        "    | xWARN \\x1b[31mhot\\x07\n"
        "    |   more\n"
        '    log.level: expected "error", got "warn"\n'
        "\n"
        "rules/fails.yml:9:5: failed: rule 'fails', test 'takes too much'\n"
        "    | xWARN hot\n"
        "    expected no match, but 'fails' took the line\n"
        "\n"
        "rules/fails.yml:10:5: failed: rule 'fails', test 'another took it'\n"
        "    | WARN hot\n"
        "    the line was taken by 'app' instead\n"
        "\n"
        "rules/fails.yml:11:5: failed: rule 'fails'\n"
        "    | =\n"
        "    no rule took the line\n"
        "\n"
        "coverage: 2 of 2 patterns\n"
        "6 tests, 4 failed\n"
    )


def test_a_failing_burst_test_is_shown(directory: Path) -> None:
    (directory / "bursts" / "many.yml").write_text(BURST % 3)

    result = run("test", "rules")

    assert result.exit_code == 1
    assert "rules/bursts/many.yml:8:5: failed: burst rule 'many_errors', test 'two errors'\n" in result.stdout
    assert result.stdout.endswith("3 tests, 1 failed\n")


def test_mistakes_come_before_tests(directory: Path) -> None:
    (directory / "app.yml").write_text(FINE + "stats: x\n")

    result = run("test", "rules")

    assert result.exit_code == 1
    assert result.stdout == "1 file, 1 rule, 1 error\n"


def test_a_junit_report_is_valid_xml(directory: Path) -> None:
    (directory / "fails.yml").write_text(FAILING)

    run("test", "rules", "--junit", "report.xml")

    suite = ElementTree.parse("report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("6", "4")
    failed = [case for case in suite if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == [
        "wrong level",
        "takes too much",
        "another took it",
        "line 11",
    ]
    assert "\\x1b[31mhot" in (failed[0].find("failure").text or "")  # type: ignore[union-attr]  # found above


def test_the_shipped_rules_are_sound() -> None:
    result = run("check")

    assert (result.exit_code, result.stderr) == (0, "")


def test_the_shipped_rules_pass_their_tests() -> None:
    result = run("test")

    assert result.exit_code == 0, result.stdout


def test_only_the_tests_of_a_named_file_are_run(directory: Path) -> None:
    (directory / "fails.yml").write_text(FAILING)

    assert run("test", "rules/app.yml").stdout.endswith("2 tests, 0 failed\n")
    assert run("test", "rules/fails.yml").stdout.endswith("4 tests, 4 failed\n")


def test_coverage_lists_what_no_test_exercises(directory: Path) -> None:
    (directory / "app.yml").write_text(
        "name: app\nfragments: {LEVEL: INFO|WARN}\n"
        "patterns:\n"
        "  - '^%{LEVEL:log.level}(?: (?P<process.pid>\\d+))?: (?P<message>.*)$'\n"
        "  - '^never (?P<message>.*)$'\n"
        "map: {log.level: {WARN: warn, INFO: info}}\n"
        "tests:\n  - {line: 'WARN: hot', expect: {log.level: warn}}\n"
    )

    told = run("test", "rules", "--coverage").stdout.splitlines()

    assert told[1:] == [
        "rules/app.yml:5:6: no test exercises pattern 2 of rule 'app'",
        "rules/app.yml:4:6: no test exercises branch `INFO` of fragment LEVEL of rule 'app'",
        "rules/app.yml:4:6: no test exercises optional group `(?: (?P<process.pid>\\d+))` of pattern 1 of rule 'app'",
        "rules/app.yml:6:7: no test exercises entry 'INFO' of the map of log.level of rule 'app'",
        "coverage: 1 of 2 patterns, 1 of 2 branches, 0 of 1 optional group, 1 of 2 map entries",
        "1 test, 0 failed",
    ]


def test_update_writes_what_came_out_and_leaves_the_rest(directory: Path) -> None:
    text = FINE + (
        "  # a comment that stays\n"
        "  - {line: ERROR disk, expect: {}}\n"
        "  - line: INFO cold\n"
        "    expect:\n"
        "      log.level: debug  # wrong\n"
        "      message: cold\n"
        "  - {line: INFO x, expect: {message: y, process.pid: 7}}\n"
    )
    (directory / "app.yml").write_text(text)

    first, second = run("test", "rules", "--update"), run("test", "rules")

    assert first.stdout.splitlines()[1] == "rules/app.yml: 3 tests updated; review with `git diff`"
    assert (second.exit_code, second.stdout.splitlines()[-1]) == (0, "5 tests, 0 failed")
    written = (directory / "app.yml").read_text()
    assert written.startswith(FINE)
    assert "# a comment that stays" in written
    assert "      log.level: info  # wrong\n      message: cold\n" in written
    assert "{line: INFO x, expect: {message: x, process.pid: null}}" in written
    assert "log.level: error, message: disk" in written


def test_update_never_blesses_a_line_that_another_rule_took(directory: Path) -> None:
    (directory / "fails.yml").write_text(FAILING)

    result = run("test", "rules", "--update")

    assert result.stdout.splitlines()[1] == "rules/fails.yml: 1 test updated; review with `git diff`"
    assert result.stdout.endswith("6 tests, 3 failed\n")

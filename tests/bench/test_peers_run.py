"""Contenders that run: the loop for real, one that writes something else, one that never ends, one that is not here."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.lines import make_access_only
from bench.peers.commands import INPUT, OUTPUT, CommandPeer, find_command, tell_missing
from bench.peers.part import Standing, name_users, run_peers, to_rows
from bench.peers.port import Job, PeerError, Variant
from bench.peers.process import count_lines_of, run_process
from bench.peers.roster import list_peers, list_python
from bench.peers.venvs import find_missing_environment, locate_environment

LINES = name_users(make_access_only(4_000))
CORE = 0
# The status is written as text.
CROOKED = f"""
import json
from bench.peers.loop.access import parse_access
with open({INPUT!r}) as lines, open({OUTPUT!r}, "w") as documents:
    for line in lines:
        fields = parse_access(line.rstrip("\\n"))
        documents.write(json.dumps(dict(fields, **{{"http.response.status_code": "200"}})) + "\\n")
"""


def build_loop() -> CommandPeer:
    [loop] = [peer for peer in list_python() if peer.tool == "Python"]
    assert isinstance(loop, CommandPeer)
    # The first contender is the reference of the others: it needs all lines.
    return replace(loop, share=1.0)


def build_crooked(variant: Variant) -> CommandPeer:
    root = str(Path(__file__).parents[2])
    return CommandPeer(
        "Crooked",
        "crooked",
        variant,
        lambda folder: [sys.executable, "-c", CROOKED],
        lambda: None,
        environment={"PYTHONPATH": root},
    )


def write_job(folder: Path, lines: list[str]) -> Job:
    path = folder / "input"
    path.write_text("".join(f"{line}\n" for line in lines))
    work = folder / "work"
    work.mkdir()
    return Job(path, len(lines), work, CORE)


def test_the_loop_runs_on_its_core_and_its_cost_is_told(tmp_path: Path) -> None:
    job = write_job(tmp_path, LINES)
    measurement = build_loop().run(job)
    assert 0 < measurement.cpu < 30
    assert measurement.seconds > 0
    fields = list(build_loop().read(job))
    assert [found["event.original"] for found in fields] == LINES


def test_who_writes_something_else_gets_no_speed_and_neither_does_its_silent_side(tmp_path: Path) -> None:
    peers = [build_loop(), build_crooked(Variant.JSON), build_crooked(Variant.NOTHING)]
    loop, crooked, silent = run_peers(peers, tmp_path, LINES * 5, rounds=1)
    assert len(loop.slopes) == 1
    assert loop.slopes[0].rate > 0
    assert crooked.slopes == []
    assert "http.response.status_code is '200', not" in (crooked.reason or "")
    assert silent.slopes == []
    assert "not the same" in (silent.reason or "")
    rows = to_rows([loop, crooked, silent])
    assert [row.rate is None for row in rows] == [False, True, True]
    assert "http.response.status_code" in rows[1].what


def test_a_peer_that_is_missing_is_told_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TAILRACE_PEERS", str(tmp_path))
    reasons = {peer.tool: peer.find_missing() for peer in list_peers()}
    assert reasons["Tailrace"] is None
    assert "no vector on the PATH" in (reasons["Vector"] or "")
    assert "python -m bench.peers install" in (reasons["Logprep"] or "")
    standings = run_peers([peer for peer in list_peers() if peer.tool == "Bento"], tmp_path, LINES, rounds=1)
    [row] = to_rows(standings)
    assert "no bento on the PATH" in row.what
    assert row.rate is None
    assert row.met is None


def test_a_peer_that_is_not_run_is_not_compared() -> None:
    ours = Standing(build_loop(), reason="not run")
    assert [row.value for row in to_rows([ours])] == [None]


def test_environments_are_outside_the_tree_and_follow_their_requirements(tmp_path: Path) -> None:
    place = locate_environment("logprep", {"TAILRACE_PEERS": str(tmp_path)})
    assert place.parent == tmp_path
    assert locate_environment("quix", {"XDG_CACHE_HOME": str(tmp_path)}).is_relative_to(tmp_path / "tailrace")
    assert find_missing_environment("logprep", {"TAILRACE_PEERS": str(tmp_path)}) is not None
    place.mkdir()
    (place / "installed").touch()
    assert find_missing_environment("logprep", {"TAILRACE_PEERS": str(tmp_path)}) is None


def test_a_tool_that_waits_for_more_is_stopped_when_it_has_written_all(tmp_path: Path) -> None:
    script = "import time\nopen('out', 'w').write('a\\n' * 5)\ntime.sleep(100)"
    count = count_lines_of(tmp_path / "out")
    measurement = run_process(
        [sys.executable, "-c", script], tmp_path, CORE, is_complete=lambda: count() >= 5
    )
    assert measurement.seconds < 60
    assert measurement.cpu > 0


def test_a_tool_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"(?s)exit code 3.*broken pipeline"):
        run_process(
            [sys.executable, "-c", "import sys; print('broken pipeline', file=sys.stderr); sys.exit(3)"],
            tmp_path,
            CORE,
        )


def test_too_few_documents_are_a_failure(tmp_path: Path) -> None:
    job = write_job(tmp_path, LINES[:10])
    peer = CommandPeer(
        "Lazy", "lazy", Variant.JSON, lambda folder: [sys.executable, "-c", "pass"], lambda: None
    )
    with pytest.raises(PeerError, match="lazy: 0 documents of 10 lines"):
        peer.run(job)


def test_daemons_are_found_beside_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_command("no-such-command") is None
    assert tell_missing("no-such-command", "write it")() == "no no-such-command on the PATH: write it"


@pytest.mark.slow
@pytest.mark.skipif(find_command("rsyslogd") is None, reason="rsyslog is not installed")
def test_rsyslog_writes_what_tailrace_writes(tmp_path: Path) -> None:
    wanted = ("tailrace parse", "rsyslog")
    peers = [peer for peer in list_peers() if any(text in peer.name for text in wanted)]
    standings = run_peers(peers, tmp_path, LINES * 40, rounds=1)
    assert [standing.reason for standing in standings] == [None, None]

"""Rules change under a running process: what is sound goes live whole, what is not is refused with its reasons."""

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from parsers.load import load_rule_set
from parsers.ruleset import RuleSet
from pipeline.live import Live
from pipeline.reload.fingerprint import read_fingerprint
from pipeline.reload.judge import Verdict
from pipeline.reload.sample import LiveSample
from pipeline.reload.seen import Seen, build_seen
from pipeline.reload.status import read_statuses
from pipeline.reload.watcher import RuleWatcher, Watched, WatchOptions

SOUND = r"""
name: app
patterns: ['^(?P<log.level>INFO|WARN) (?P<message>.*)$']
tests: [{line: 'WARN hot', expect: {message: hot}}]
"""
WIDER = SOUND.replace("INFO|WARN", "INFO|WARN|ERROR")
NARROWER = SOUND.replace("INFO|WARN", "WARN")
SLOW = (
    SOUND
    + r"""
---
name: slow
patterns: ['^(?=x)(?P<message>(?:\w+)+)-$']
tests: [{line: 'xa-', expect: {message: xa}}]
"""
)
EXPERIMENTAL = (
    SOUND
    + r"""
---
name: trial
status: experimental
patterns: ['^ERROR (?P<message>.*)$']
tests: [{line: 'ERROR out', expect: {message: out}}]
"""
)


class World:
    """A directory of rules, a process that uses them, and its watcher."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "rules"
        self.directory.mkdir()
        self.status = folder / "status"
        self.write(SOUND)
        self.live = Live(load_rule_set(self.directory))
        self.first = self.live.read()
        self.seen: Seen = build_seen(
            1000,
            lambda names: self.live.update(lambda rules: rules.without(names)),
            clock=iter(range(10_000)).__next__,
        )
        watched = Watched(
            self.directory,
            lambda current: load_rule_set(self.directory, earlier=current),
            self.live.read,
            lambda rules: self.live.update(lambda _: rules),
            self.seen,
        )
        self.watcher = RuleWatcher(watched, WatchOptions("test", interval=0.02, status_folder=self.status))

    def write(self, text: str, name: str = "app.yml") -> None:
        (self.directory / name).write_text(text)

    def feed(self, *texts: str) -> None:
        lines = pl.DataFrame({"event.original": texts, "_time": [0] * len(texts)})
        rules = self.live.read()
        self.seen.add(lines, rules.parse(lines), rules)

    def judge(self) -> Verdict:
        """Look until the change has settled."""
        assert self.watcher.look() is None, "a change is judged before it has settled"
        verdict = self.watcher.look()
        assert verdict is not None
        return verdict

    def parse(self, text: str) -> str | None:
        lines = pl.DataFrame({"event.original": [text], "_time": [0]})
        return self.live.read().parse(lines).blocks[0].rule


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_nothing_is_judged_without_a_change(world: World) -> None:
    assert [world.watcher.look() for _ in range(3)] == [None, None, None]


def test_sound_rules_go_live(world: World) -> None:
    assert world.parse("ERROR out") is None
    world.write(WIDER)
    world.judge()
    assert world.parse("ERROR out") == "app"
    assert world.watcher.status.hash == world.live.read().hash != world.first.hash
    assert (world.watcher.status.outcome, world.watcher.status.reloads) == ("accepted", 1)
    assert world.watcher.look() is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SOUND.replace("patterns", "paterns"), "app.yml:3:1: error: unknown key 'paterns'"),
        (SOUND.replace("message: hot", "message: cold"), 'message: expected "cold", got "hot"'),
        (SOUND.split("tests")[0], "rule 'app' has no tests"),
        (SLOW, "the pattern backtracks without end"),
        ("name: [", "app.yml:1"),
        (SOUND + "multiline: {continuation: '^(x'}", "app.yml:5:28: error: in 'multiline'"),
    ],
)
def test_unsound_rules_are_refused_and_the_old_ones_stay(world: World, text: str, reason: str) -> None:
    world.write(text)
    verdict = world.judge()
    assert verdict.rules is None
    assert reason in "\n".join(verdict.reasons)
    assert world.live.read() is world.first
    assert (world.watcher.status.outcome, world.watcher.status.refusals) == ("refused", 1)
    assert world.watcher.status.reasons == verdict.reasons
    world.write(WIDER)
    assert world.judge().rules is world.live.read()


def test_rules_that_parse_fewer_of_the_live_lines_are_refused(world: World) -> None:
    world.feed(*["INFO a"] * 5, *["WARN b"] * 95)
    world.write(NARROWER)
    verdict = world.judge()
    assert verdict.trial is not None
    assert (verdict.trial.lines, verdict.trial.before, verdict.trial.after) == (100, 1.0, 0.95)
    assert "of 100 recent lines the new rules parse 95.0%, those in force 100.0%" in verdict.reasons[0]
    assert world.live.read() is world.first


def test_a_drop_within_the_limit_is_accepted(world: World) -> None:
    world.feed("INFO a", *["WARN b"] * 199)
    world.write(NARROWER)
    assert world.judge().rules is not None


def test_a_comment_changes_nothing(world: World) -> None:
    world.write(SOUND + "# a remark\n")
    world.judge()
    assert world.live.read() is world.first


def test_experimental_rules_are_counted_and_write_nothing(world: World) -> None:
    world.write(EXPERIMENTAL)
    world.judge()
    world.feed("ERROR out", "ERROR out", "WARN hot")
    assert world.parse("ERROR out") is None
    assert dict(world.watcher.status.experimental) == {"trial": 2}
    assert dict(world.watcher.status.events) == {"": 2, "app": 1}


def test_the_watching_thread_tells_its_status_and_ends(world: World) -> None:
    with world.watcher:
        assert [status.hash for status in read_statuses(world.status)] == [world.first.hash]
        world.write(WIDER)
        wait_until(lambda: world.parse("ERROR out") == "app")
        wait_until(lambda: [status.reloads for status in read_statuses(world.status)] == [1])
    assert list(read_statuses(world.status)) == []


def test_a_directory_that_vanishes_is_refused(world: World) -> None:
    (world.directory / "app.yml").unlink()
    world.directory.rmdir()
    assert "there is no such directory" in world.judge().reasons[0]
    assert world.live.read() is world.first


def test_no_batch_sees_two_rule_sets(world: World) -> None:
    """Each batch is parsed while rules are exchanged all the time: its rows always agree with one set."""
    both: list[RuleSet] = [world.first]
    world.write(WIDER)
    world.judge()
    both.append(world.live.read())
    lines = pl.DataFrame({"event.original": ["ERROR a", "WARN b"] * 50, "_time": [0] * 100})
    import threading

    stopping = threading.Event()

    def exchange() -> None:
        turn = 0
        while not stopping.is_set():
            world.live.swap(both[turn % 2])
            turn += 1

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        counts = {
            sum(block.frame.height for block in world.live.read().parse(lines).blocks if block.rule)
            for _ in range(60)
        }
    finally:
        stopping.set()
        thread.join()
    assert counts <= {50, 100}


def test_the_sample_keeps_the_newest_lines_of_several_batches() -> None:
    sample = LiveSample(600, clock=iter(range(1000)).__next__)
    assert sample.read() is None
    for number in range(5):
        sample.add(pl.DataFrame({"event.original": [f"{number}"] * 5000}))
    kept = sample.read()
    assert kept is not None
    assert kept["event.original"].unique().sort().to_list() == ["3", "4"]
    assert kept.height == 1000


def test_editors_leftovers_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("x")
    before = read_fingerprint(tmp_path)
    (tmp_path / ".a.yml.swp").write_text("y")
    assert read_fingerprint(tmp_path) == before
    (tmp_path / "hosts.csv").write_text("y")
    assert read_fingerprint(tmp_path) != before


def wait_until(is_so: Callable[[], bool], patience: float = 20) -> None:
    end = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_rule_that_takes_too_long_is_switched_off_alone_until_the_rules_change(world: World) -> None:
    world.write(
        SOUND
        + """
---
name: slow
patterns: ['^(?P<shop.quote>[xy])(?P<message>(?:a|aa)+)(?P=shop.quote)$']
tests: [{line: 'xax', expect: {message: a}}]
"""
    )
    # By hand: lint would keep such a rule from going live.
    world.live.swap(load_rule_set(world.directory))
    attack = "x" + "a" * 40 + "y"
    for _ in range(2):
        world.feed(*[attack] * 15, "WARN hot")
    status = world.watcher.status
    assert list(status.quarantined) == ["slow"]
    assert "gave up more than 20" in status.quarantined["slow"]
    lines = pl.DataFrame({"event.original": [attack, "WARN hot"], "_time": [0, 0]})
    parsed = world.live.read().parse(lines)
    by_rule = {block.rule: block.frame for block in parsed.blocks}
    assert set(by_rule) == {"app", None}
    assert by_rule[None]["event.original"].to_list() == [attack]
    assert by_rule[None]["tags"].to_list() == [["_unparsed", "_timeout"]]
    world.write(WIDER)
    world.judge()
    assert dict(world.watcher.status.quarantined) == {}

"""The supervisor with real, small processes in the place of workers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from loguru import logger

from pipeline.supervisor import UNABLE, Plan, describe_end, supervise

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0

# Says that it runs, and ends as a worker does: at SIGTERM, or when its life line is cut.
WORKER = """
import asyncio, os, sys
from pipeline.ending import handle_signals, watch_life_line
async def work():
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    handle_signals(loop, lambda number: stopping.set())
    watch_life_line(loop, 0, stopping.set)
    folder, name = sys.argv[1], sys.argv[-1]
    with open(f"{folder}/started", "a") as file:
        file.write(f"{name} {os.getpid()} {os.environ['POLARS_MAX_THREADS']}\\n")
    await stopping.wait()
    with open(f"{folder}/ended", "a") as file:
        file.write(f"{name} {os.getpid()}\\n")
asyncio.run(work())
"""
DEAF = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "open(sys.argv[1] + '/started', 'a').write('x\\n'); time.sleep(60)"
)
BROKEN = "import sys; open(sys.argv[1] + '/started', 'a').write(sys.argv[-1] + '\\n'); sys.exit(3)"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The errors that are logged."""
    messages: list[str] = []
    sink = logger.add(lambda message: messages.append(message.record["message"]), level="ERROR")
    yield messages
    logger.remove(sink)


def make_plan(folder: Path, program: str = WORKER, processes: int = 2) -> Plan:
    command = (sys.executable, "-c", program, str(folder))
    return Plan(command, processes, threads=1, grace=5.0, attempts=3, sound_after=0.0, pause=0.05)


def read(folder: Path, name: str = "started") -> list[list[str]]:
    path = folder / name
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


async def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def run_until(plan: Plan, act: Callable[[], Awaitable[None]]) -> int:
    """Supervise while `act` runs; the exit code."""

    async def run() -> int:
        stopping = asyncio.Event()
        running = asyncio.ensure_future(supervise(plan, stopping))
        await act()
        stopping.set()
        return await asyncio.wait_for(running, PATIENCE)

    return asyncio.run(run())


def test_all_workers_run_and_end_as_asked(tmp_path: Path) -> None:
    async def act() -> None:
        await until(lambda: len(read(tmp_path)) == 3)

    plan = make_plan(tmp_path, processes=3)
    assert run_until(replace(plan, threads=2), act) == 0
    started, ended = read(tmp_path), read(tmp_path, "ended")
    assert sorted(name for name, _, _ in started) == ["1", "2", "3"]
    assert {threads for _, _, threads in started} == {"2"}
    assert sorted(ended) == sorted([name, pid] for name, pid, _ in started)


def test_the_environment_decides_on_threads_before_we_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", "7")

    async def act() -> None:
        await until(lambda: len(read(tmp_path)) == 1)

    assert run_until(make_plan(tmp_path, processes=1), act) == 0
    assert read(tmp_path)[0][2] == "7"


def test_a_worker_that_is_killed_is_started_again_and_the_others_stay(
    tmp_path: Path, told: list[str]
) -> None:
    async def act() -> None:
        await until(lambda: len(read(tmp_path)) == 2)
        victim = next(int(pid) for name, pid, _ in read(tmp_path) if name == "2")
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(read(tmp_path)) == 3)

    assert run_until(make_plan(tmp_path), act) == 0
    names = [name for name, _, _ in read(tmp_path)]
    assert sorted(names[:2]) == ["1", "2"]
    assert names[2] == "2"
    (message,) = told
    assert "Worker 2 has died" in message
    assert "SIGKILL" in message


def test_a_worker_that_cannot_start_ends_all_and_says_so(tmp_path: Path, told: list[str]) -> None:
    plan = replace(make_plan(tmp_path, BROKEN, processes=1), sound_after=PATIENCE)
    code = asyncio.run(asyncio.wait_for(supervise(plan, asyncio.Event()), PATIENCE))
    assert code == UNABLE
    assert len(read(tmp_path)) == plan.attempts
    assert "Giving up, worker 1 cannot start: 3 times in a row" in told[-1]
    assert "exit code 3" in told[-1]


def test_a_program_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    plan = replace(make_plan(tmp_path, processes=1), command=("/no/such/python",), sound_after=PATIENCE)
    assert asyncio.run(asyncio.wait_for(supervise(plan, asyncio.Event()), PATIENCE)) == UNABLE


def test_the_failure_of_one_drains_the_others(tmp_path: Path) -> None:
    program = f"import sys\nif sys.argv[-1] == '2':\n    sys.exit(4)\n{WORKER}"
    plan = replace(make_plan(tmp_path, program), sound_after=PATIENCE, pause=1.0)
    assert asyncio.run(asyncio.wait_for(supervise(plan, asyncio.Event()), PATIENCE)) == UNABLE
    assert [name for name, _ in read(tmp_path, "ended")] == ["1"]


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async def act() -> None:
        await until(lambda: len(read(tmp_path)) == 1)

    plan = replace(make_plan(tmp_path, DEAF, processes=1), grace=0.3)
    assert run_until(plan, act) == UNABLE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_process_passes_signals_on_and_is_small(tmp_path: Path, number: signal.Signals) -> None:
    with start_supervisor(tmp_path) as process:
        wait_until(lambda: len(read(tmp_path)) == 2)
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        assert "polars" not in maps
        assert "hs.abi" not in maps, "Hyperscan"
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
    assert sorted(name for name, _ in read(tmp_path, "ended")) == ["1", "2"]


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with start_supervisor(tmp_path) as process:
        wait_until(lambda: len(read(tmp_path)) == 2)
        process.kill()
        wait_until(lambda: len(read(tmp_path, "ended")) == 2)


def test_ends_are_told_in_words() -> None:
    assert describe_end(3) == "exit code 3"
    assert describe_end(-signal.SIGSEGV) == "SIGSEGV"
    assert describe_end(-signal.SIGKILL).startswith("SIGKILL, perhaps")
    assert describe_end(-200) == "signal 200"


@contextmanager
def start_supervisor(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A supervisor that hears a hang-up, also where the tests themselves run under `nohup`."""
    plan = json.dumps(asdict(make_plan(folder)))
    ours = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = subprocess.Popen([sys.executable, "-P", "-m", "pipeline.supervise", plan])
    finally:
        signal.signal(signal.SIGHUP, ours)
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(is_so: Callable[[], bool]) -> None:
    asyncio.run(until(is_so))

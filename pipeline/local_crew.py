"""Shares the batches of a local run among processes: this one reads, and parses what the others have no room for.

    read_batches ─► parse here ─► segments        outcomes come in the order of the batches: counts, and signals
                 └► helpers    ─► segments        for the bursts

Processes rather than threads: Hyperscan reports its matches to Python one by one, which threads would do in turn.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import polars as pl

from pipeline.local_batch import Outcome
from pipeline.local_helpers import LEAVE_SECONDS, Helper
from pipeline.local_wire import send_end, send_lines
from pipeline.local_worker import Done, Failed, Finished
from pipeline.sinks.store import Fresh
from pipeline.stages.signal import SIGNAL_SCHEMA

# One batch that a helper parses, and two that lie ready for it while this process is at work on its own.
_BATCHES_AHEAD = 3
# So many more are read before one is parsed here: with them the last ones are shared out evenly.
_BATCHES_READY = 3


class CrewError(Exception):
    """A process of the run ended before its work was done. `str()` says how, and what to do."""


@dataclass(slots=True)
class _Slot:
    """The place of a batch in the order; the outcome once it is known."""

    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class _Worker:
    """A helper, and the places of the batches that it has not answered yet."""

    helper: Helper
    owed: deque[_Slot] = field(default_factory=deque)


class Crew:
    """The helpers of one run. A class, since what each of them owes goes from batch to batch."""

    def __init__(self, helpers: Sequence[Helper]) -> None:
        self._workers = [_Worker(helper) for helper in helpers]
        self._rows = BytesIO()

    def process(
        self, batches: Iterable[pl.DataFrame], rules: str, process_here: Callable[[pl.DataFrame], Outcome]
    ) -> Iterator[Outcome]:
        """Have batches parsed and stored, some of them here; their outcomes in the order of the batches.

        `rules` is the hash of the rules that all have to work by. Raises CrewError, what a helper raised, and what
        `process_here` raises.
        """
        waiting: deque[_Slot] = deque()
        ready: deque[tuple[pl.DataFrame, _Slot]] = deque()
        left = iter(batches)
        is_read = False
        while ready or not is_read:
            while not is_read and len(ready) < _BATCHES_READY:
                lines = next(left, None)
                is_read = lines is None
                if lines is not None:
                    waiting.append(_Slot())
                    ready.append((lines, waiting[-1]))
                self._take_answers(rules)
                self._hand_out(ready, is_read=is_read)
            if ready:
                lines, slot = ready.popleft()
                slot.outcome = process_here(lines)
            self._take_answers(rules)
            self._hand_out(ready, is_read=is_read)
            while waiting and waiting[0].outcome is not None:
                yield from _give(waiting.popleft())
        for worker in self._workers:
            while worker.owed:
                _take_answer(worker, rules)
        while waiting:
            yield from _give(waiting.popleft())

    def finish(self, write_here: Callable[[], None]) -> list[Fresh]:
        """Have all events written that the helpers hold, and meanwhile those held here; the helpers' segments."""
        for worker in self._workers:
            with _told_end(worker):
                send_end(worker.helper.batches)
        write_here()
        made: list[Fresh] = []
        for worker in self._workers:
            answer = _receive(worker)
            assert isinstance(answer, Finished)
            made.extend(answer.fresh)
        return made

    def _hand_out(self, ready: deque[tuple[pl.DataFrame, _Slot]], *, is_read: bool) -> None:
        """Send the helpers what they have room for; of the last batches no more than are left for this process."""
        while ready:
            worker = min(self._workers, key=lambda item: len(item.owed))
            owed = len(worker.owed)
            if owed >= _BATCHES_AHEAD or (is_read and owed >= len(ready) - 1):
                return
            lines, slot = ready.popleft()
            with _told_end(worker):
                send_lines(worker.helper.batches, lines, self._rows)
            worker.owed.append(slot)

    def _take_answers(self, rules: str) -> None:
        for worker in self._workers:
            while worker.owed and worker.helper.answers.poll():
                _take_answer(worker, rules)


@contextmanager
def _told_end(worker: _Worker) -> Iterator[None]:
    """Tell why a worker is gone that can be sent nothing."""
    try:
        yield
    except OSError:
        # What the worker said before it left tells more: an answer, perhaps, and then the error.
        while True:
            _receive(worker)


def _receive(worker: _Worker) -> Done | Finished:
    try:
        answer = worker.helper.answers.recv()
    except (EOFError, OSError):
        raise _tell_end(worker) from None
    if isinstance(answer, Failed):
        raise answer.error
    assert isinstance(answer, Done | Finished)
    return answer


def _tell_end(worker: _Worker) -> CrewError:
    process = worker.helper.process
    process.join(LEAVE_SECONDS)
    return CrewError(
        f"a process of the run ended with exit code {process.exitcode}, perhaps for want of memory; "
        "run again with --processes 1"
    )


def _take_answer(worker: _Worker, rules: str) -> None:
    answer = _receive(worker)
    assert isinstance(answer, Done)
    if answer.rules != rules:
        raise CrewError("the rules were changed while the run began; start it again")
    signals = pl.read_ipc_stream(answer.signals) if answer.signals else pl.DataFrame(schema=SIGNAL_SCHEMA)
    worker.owed.popleft().outcome = Outcome(answer.counted, signals)


def _give(slot: _Slot) -> Iterator[Outcome]:
    assert slot.outcome is not None
    yield slot.outcome

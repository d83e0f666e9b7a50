"""Watches a directory of rules beside the running process, judges what changes, and puts it in force."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from loguru import logger

from parsers.ruleset import RuleSet
from pipeline.reload.fingerprint import read_fingerprint
from pipeline.reload.judge import LoadRules, Verdict, judge_rules
from pipeline.reload.seen import Seen
from pipeline.reload.status import RuleStatus, remove_status, write_status

_STATUS_EVERY_SECONDS = 10.0
# For so long a directory has to stay the same: what writes several files is done with them then.
_SETTLED_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watcher acts on. `read` gives the rules in force, `apply` puts others in force, whole."""

    directory: Path
    load: LoadRules
    read: Callable[[], RuleSet]
    apply: Callable[[RuleSet], None]
    seen: Seen


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How often is looked, in seconds; how far the parsed share may drop; where the status goes, None: nowhere."""

    program: str
    interval: float = 2.0
    max_drop: float = 0.01
    is_reloading: bool = True
    status_folder: Path | None = None
    clock: Callable[[], float] = time.perf_counter
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


class RuleWatcher:
    """A thread that looks every `interval` seconds, and soon again after a change: it is judged once it has settled.

    Settled is what was the same at two looks in a row.
    """

    def __init__(self, watched: Watched, options: WatchOptions) -> None:
        self._watched, self._options = watched, options
        self._known = self._seen = read_fingerprint(watched.directory)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_told = True
        rules = watched.read()
        self._status = RuleStatus(
            pid=os.getpid(),
            program=options.program,
            directory=str(watched.directory.absolute()),
            hash=rules.hash,
            rules=len(rules.rules),
            since=self._write_now(),
            written=self._write_now(),
        )

    @property
    def status(self) -> RuleStatus:
        """What is in force, and how the last reload went."""
        seen = self._watched.seen
        return replace(
            self._status,
            written=self._write_now(),
            events=seen.counts.read(),
            experimental=seen.experimental.read(),
            quarantined=seen.quarantine.read(),
        )

    def start(self) -> None:
        """Begin to watch."""
        self._tell()
        self._thread = threading.Thread(target=self._run, name="tailrace-rules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for a judgement that is under way."""
        self._stopping.set()
        if self._options.status_folder is not None:
            remove_status(self._options.status_folder, self._status.pid)

    def __enter__(self) -> "RuleWatcher":
        """Watch for as long as a block runs."""
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop watching."""
        self.stop()

    def look(self) -> Verdict | None:
        """Look once; judge and apply what has changed and settled. None when there was nothing to judge."""
        found = read_fingerprint(self._watched.directory)
        settled, self._seen = found == self._seen, found
        if found == self._known or not settled:
            return None
        self._known = found
        watched = self._watched
        current, began = watched.read(), self._options.clock()
        verdict = judge_rules(
            watched.directory, watched.load, current, watched.seen.sample.read(), self._options.max_drop
        )
        self._settle(verdict, current, self._options.clock() - began)
        return verdict

    def _settle(self, verdict: Verdict, current: RuleSet, seconds: float) -> None:
        before, judged = replace(self._status, seconds=round(seconds, 3)), self._write_now()
        if verdict.rules is None:
            self._status = replace(
                before,
                refusals=before.refusals + 1,
                outcome="refused",
                judged=judged,
                reasons=verdict.reasons,
            )
            logger.error(
                "The changed rules in {} are refused, {} stays in force: {}",
                self._watched.directory,
                current.hash,
                "\n".join(verdict.reasons),
            )
        elif verdict.rules.hash == current.hash:
            logger.info("The rules in {} were written again without a change", self._watched.directory)
        else:
            self._watched.apply(verdict.rules)
            self._watched.seen.quarantine.reset()
            self._status = replace(
                before,
                hash=verdict.rules.hash,
                rules=len(verdict.rules.rules),
                since=judged,
                reloads=before.reloads + 1,
                outcome="accepted",
                judged=judged,
                reasons=(),
            )
            trial = verdict.trial
            logger.info(
                "New rules {} are in force instead of {}: {} rules, judged in {:.1f} s{}",
                verdict.rules.hash,
                current.hash,
                len(verdict.rules.rules),
                seconds,
                f"; {trial.after:.1%} of {trial.lines} recent lines parsed, {trial.before:.1%} before"
                if trial
                else "",
            )
        self._tell()

    def _run(self) -> None:
        every = self._options.interval
        waited, interval = 0.0, every
        while not self._stopping.wait(interval):
            waited += interval
            try:
                if self._options.is_reloading:
                    self.look()
                    interval = every if self._seen == self._known else min(every, _SETTLED_SECONDS)
                if waited >= _STATUS_EVERY_SECONDS:
                    waited = 0.0
                    self._tell()
            except (
                Exception
            ) as error:  # a failed look must not end the watching, and with it all later reloads
                logger.opt(exception=error).error("Looking after the rules failed; trying again: {!r}", error)

    def _tell(self) -> None:
        if self._options.status_folder is None or self._stopping.is_set():
            return
        try:
            write_status(self._options.status_folder, self.status)
            self._is_told = True
        except OSError as error:
            if self._is_told:
                logger.warning("The status of the rules cannot be written: {}", error)
            self._is_told = False

    def _write_now(self) -> str:
        return self._options.now().isoformat(timespec="seconds").replace("+00:00", "Z")

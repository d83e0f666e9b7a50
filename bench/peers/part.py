"""Runs all contenders that can run, in turns, and compares what they wrote before it compares how fast they were."""

import os
import shutil
import statistics
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.contender import Contender, run, tell
from bench.lines import make_access_only, write_lines
from bench.options import Options
from bench.peers.comparison import ORIGINAL, find_difference
from bench.peers.port import Fields, Job, Measurement, Peer, PeerError, Variant
from bench.peers.roster import OURS, list_peers
from bench.report import Row, at_least

PART = "peers"
LINES = 400_000
QUICK = 100_000
# Every contender parses the first quarter of its lines as well; the difference is free of what starting up costs.
SMALL = 4
# Every so many lines name a user: otherwise nobody would have to find one.
NAMED = 10
CORE_BATCH = 20_000
# The table keeps to what fits; the whole reason is told while it runs.
_REASON_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Slope:
    """What `count` more lines cost: CPU seconds, and the most memory of the larger run."""

    count: int
    cpu: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Lines a CPU second."""
        return self.count / self.cpu


@dataclass(slots=True)
class Standing:
    """A contender in the course of the part. With a `reason` it has no figures."""

    peer: Peer
    slopes: list[Slope] = field(default_factory=list)
    reason: str | None = None


def measure_peers(options: Options) -> list[Row]:
    """The rows of this part: one for every contender, and the ratio of Tailrace to each that wrote the same."""
    lines = name_users(make_access_only(options.choose(LINES, QUICK)))
    rows = to_rows(run_peers(list_peers(options.kafka), options.folder, lines, options.rounds))
    return [*rows, measure_core(lines, options)]


def measure_core(lines: list[str], options: Options) -> Row:
    """Lines and documents in memory, started and warm: what is left of `tailrace parse` without its files."""
    path = options.folder / f"{PART}.lines"
    write_lines(lines, path)
    contender = Contender("parse core", "bench.parse:parse_lines", {"path": str(path), "batch": CORE_BATCH})
    samples = [run(contender) for _ in range(options.rounds)]
    rates = [sample.count / sample.cpu for sample in samples]
    return Row(
        PART,
        "Tailrace, parse core and documents in memory (lines a CPU second)",
        rate=statistics.median(rates),
        cpu=statistics.median(sample.cpu / sample.count * 1e6 for sample in samples),
        peak_mb=statistics.median(sample.peak_mb for sample in samples),
        low=min(rates),
        high=max(rates),
    )


def run_peers(peers: Sequence[Peer], folder: Path, lines: list[str], rounds: int) -> list[Standing]:
    """Run the contenders in turns. The first has to write JSON for all lines: it is the reference of the others."""
    reference: dict[str, Fields] = {}
    standings = [Standing(peer, reason=peer.find_missing()) for peer in peers]
    for standing in standings:
        if standing.reason:
            tell(f"{_name(standing.peer)}: {standing.reason}")
    for number in range(rounds):
        for standing in standings:
            if standing.reason:
                continue
            peer = standing.peer
            try:
                check = _build_check(standings, reference) if number == 0 else None
                standing.slopes.append(run_peer(peer, folder / PART, lines, check))
                tell(f"round {number + 1} of {rounds}: {_describe(standing)}")
            except PeerError as error:
                standing.reason, standing.slopes = str(error), []
                tell(f"{_name(peer)}: no speed: {error}")
    return standings


def run_peer(
    peer: Peer, root: Path, lines: list[str], check: Callable[[Peer, Job, list[str]], None] | None = None
) -> Slope:
    """Run a contender over a quarter of its lines and over all of them.

    `check` raises PeerError if the documents of the first run are not right. Raises PeerError as the contender does,
    and when the larger run cost no more.
    """
    chosen = lines[: max(int(len(lines) * peer.share), SMALL)]
    few = chosen[: len(chosen) // SMALL]
    small = _run_job(peer, root, few, check)
    large = _run_job(peer, root, chosen, None)
    if large.cpu <= small.cpu:
        raise PeerError(f"{len(chosen)} lines cost no more than {len(few)}: measure more of them (--records)")
    return Slope(len(chosen) - len(few), large.cpu - small.cpu, large.peak_mb)


def name_users(lines: list[str]) -> list[str]:
    """The same lines with a user in every tenth."""
    return [
        line.replace(" - - [", " - carol [", 1) if number % NAMED == 0 else line
        for number, line in enumerate(lines)
    ]


def to_rows(standings: Sequence[Standing]) -> list[Row]:
    """Medians of the contenders and of the ratios of each round; a reason for those that have no figures."""
    rows = [_to_row(standing) for standing in standings]
    ours = {standing.peer.variant: standing for standing in standings if standing.peer.tool == OURS}
    for standing in standings:
        own = ours.get(standing.peer.variant)
        if standing.peer.tool == OURS or own is None or not own.slopes or not standing.slopes:
            continue
        pairs = zip(own.slopes, standing.slopes, strict=True)
        ratios = [slope.rate / other.rate for slope, other in pairs]
        what = f"{OURS} / {_name(standing.peer)}, by CPU"
        rows.append(at_least(PART, what, ratios, "x", standing.peer.goal))
    return rows


def _to_row(standing: Standing) -> Row:
    if not standing.slopes:
        # No verdict: what is not here, or writes something else, is compared with nobody.
        reason = textwrap.shorten(standing.reason or "not run", _REASON_LENGTH, placeholder=" …")
        return Row(PART, f"{_name(standing.peer)}: {reason}")
    rates = [slope.rate for slope in standing.slopes]
    return Row(
        PART,
        f"{_name(standing.peer)} (lines a CPU second)",
        rate=statistics.median(rates),
        cpu=statistics.median(slope.cpu / slope.count * 1e6 for slope in standing.slopes),
        peak_mb=statistics.median(slope.peak_mb for slope in standing.slopes) or None,
        low=min(rates),
        high=max(rates),
    )


def _name(peer: Peer) -> str:
    return f"{peer.name}, {peer.variant}"


def _run_job(
    peer: Peer,
    root: Path,
    lines: list[str],
    check: Callable[[Peer, Job, list[str]], None] | None,
) -> Measurement:
    root.mkdir(exist_ok=True)
    folder = root / "work"
    folder.mkdir()
    path = root / f"{len(lines)}.lines"
    if not path.exists():
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    job = Job(path, len(lines), folder, _choose_core(), keep=check is not None)
    try:
        measurement = peer.run(job)
        if check is not None:
            check(peer, job, lines)
        return measurement
    finally:
        shutil.rmtree(folder)


def _build_check(
    standings: Sequence[Standing], reference: dict[str, Fields]
) -> Callable[[Peer, Job, list[str]], None]:
    """A check against the reference, which the first contender fills."""

    def check(peer: Peer, job: Job, lines: list[str]) -> None:
        if peer.variant is Variant.NOTHING:
            written = [
                other
                for other in standings
                if (other.peer.tool, other.peer.variant) == (peer.tool, Variant.JSON)
            ]
            if any(other.reason for other in written):
                raise PeerError("its documents, when it writes them, are not the same")
            return
        try:
            found = list(peer.read(job))
        except ValueError as error:
            raise PeerError(f"its output cannot be read: {error}") from error
        if not reference:
            reference.update((str(fields[ORIGINAL]), fields) for fields in found)
        if lacking := next((line for line in lines if line not in reference), None):
            raise PeerError(f"the reference has no document for the line {lacking!r}")
        if difference := find_difference((reference[line] for line in lines), found):
            raise PeerError(difference)

    return check


def _choose_core() -> int:
    """The last of this process's cores, as `bench.contender` does."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def _describe(standing: Standing) -> str:
    return f"{_name(standing.peer)}: {standing.slopes[-1].rate:,.0f} lines a CPU second"

"""Finds, for every row of a stage, the first pattern that takes it, and what that pattern captured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from parsers.events.bodies.body import BodyExtractor
from parsers.events.budget import Budget
from parsers.events.columns import drop_columns, put_columns, repeat_value, to_places
from parsers.events.compile import Entry, Stage
from parsers.events.prepare import HEAD, LATE, REST, ROW, TAIL, append_tail
from parsers.events.values.literal import repeat_literal
from parsers.events.when import Router
from parsers.patterns.extract import Extracted, PatternExtractor

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
# Tries a pattern (its number in the stage) on rows; gives the rows that it took.
Attempt: TypeAlias = Callable[[int, IntArray], IntArray]
_NONE = np.iinfo(np.int64).max
_HEIGHT = frozenset(("_height",))


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The rows that one rule took, in row order, and the captures (String columns) of the same height."""

    rule: int
    rows: IntArray
    captures: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Matches:
    """Every row is in one RuleMatch or in `unmatched`; `timed_out` rows cost some pattern too much."""

    taken: tuple[RuleMatch, ...]
    unmatched: IntArray
    timed_out: IntArray


def match_stage(
    stage: Stage,
    frame: pl.DataFrame,
    texts: pl.Series,
    budget: Budget | None = None,
    stopped: frozenset[int] = frozenset(),
) -> Matches:
    """Matches a stage's patterns on `texts`; `frame` holds the same rows' fields, for `when`.

    Backtracking patterns take their time from `budget`, which is that of the batch `_row` is the place in. Rules in
    `stopped` take no rows: those that may be theirs count as timed out.
    """
    parts: dict[int, list[tuple[IntArray, pl.DataFrame]]] = {}
    late: list[IntArray] = []

    def attempt(number: int, rows: IntArray) -> IntArray:
        entry = stage.entries[number]
        if entry.rule in stopped:
            late.append(rows)
            return rows[:0]
        extracted = _extract(stage, entry, frame, texts, rows, budget)
        columns = extracted.columns
        if extracted.timed_out is not None:
            late.append(rows[extracted.timed_out.to_numpy()])
        if extracted.matched is not None:
            rows = rows[extracted.matched.to_numpy()]
            columns = columns.filter(extracted.matched) if columns.width else columns
        if len(rows):
            if entry.set:
                fixed = [repeat_literal(name, value, len(rows)) for name, value in entry.set.items()]
                columns = put_columns(columns, fixed)
            parts.setdefault(entry.rule, []).append((rows, columns))
        return rows

    unmatched = _take_rows(stage, frame, texts, attempt)
    taken = tuple(_join(rule, found) for rule, found in sorted(parts.items()))
    timed_out = np.concatenate(late) if late else np.empty(0, dtype=np.int64)
    return Matches(taken, np.flatnonzero(unmatched), timed_out)


def part_rows(frame: pl.DataFrame, taken: Sequence[RuleMatch]) -> Iterator[tuple[RuleMatch, pl.DataFrame]]:
    """Each match with its rows of `frame`: the frame is put in the matches' order once, and then cut."""
    if not taken:
        return
    rows = np.concatenate([match.rows for match in taken])
    ordered = frame if len(taken) == 1 and len(rows) == frame.height else frame[to_places(rows)]
    start = 0
    for match in taken:
        yield match, ordered.slice(start, len(match.rows))
        start += len(match.rows)


def choose_rules(stage: Stage, frame: pl.DataFrame, texts: pl.Series) -> IntArray:
    """The index of the rule that would take each row, -1 where none does; extracts only where it has to."""
    chosen = np.full(len(texts), -1, dtype=np.int64)

    def attempt(number: int, rows: IntArray) -> IntArray:
        extractor = stage.entries[number].extractor
        if not stage.exact[number] and not (isinstance(extractor, BodyExtractor) and extractor.is_open):
            matched = _extract(stage, stage.entries[number], frame, texts, rows, None).matched
            rows = rows if matched is None else rows[matched.to_numpy()]
        chosen[rows] = stage.entries[number].rule
        return rows

    _take_rows(stage, frame, texts, attempt)
    return chosen


def _extract(
    stage: Stage, entry: Entry, frame: pl.DataFrame, texts: pl.Series, rows: IntArray, budget: Budget | None
) -> Extracted:
    """A pattern sees the first line of an event, up to a length; a body sees it whole, or all lines."""
    extractor = entry.extractor
    chosen = texts if len(rows) == len(texts) else texts[to_places(rows)]
    if isinstance(extractor, BodyExtractor):
        if TAIL in frame.columns:
            chosen = append_tail(chosen, frame.select(HEAD, TAIL)[rows])
        if stage.field is None and REST in frame.columns:
            return extractor.extract_lines(chosen, frame[REST][to_places(rows)])
    elif budget is not None and isinstance(extractor, PatternExtractor) and extractor.linear is None:
        return budget.extract(entry.rule, extractor, chosen, frame[ROW].gather(rows).to_numpy())
    return extractor.extract(chosen)


def mark_late(frame: pl.DataFrame, rows: IntArray) -> pl.DataFrame:
    """The frame with `_given_up` true at `rows` (and where it was): lines that some pattern gave up."""
    if not len(rows):
        return frame
    late = frame[LATE] if LATE in frame.columns else pl.repeat(False, frame.height, eager=True)
    return frame.with_columns(late.scatter(rows, True).alias(LATE))


def _take_rows(stage: Stage, frame: pl.DataFrame, texts: pl.Series, attempt: Attempt) -> BoolArray:
    """Gives every row to the first pattern that takes it; returns which rows none took."""
    untaken = np.ones(len(texts), dtype=np.bool_)
    router = Router(frame)
    for tier in stage.tiers:
        if not untaken.any():
            break
        pairs = list(_find_pairs(stage, tier, router, texts, untaken))
        if not pairs:
            continue
        lines = np.concatenate([found for found, _ in pairs])
        patterns = np.concatenate([found for _, found in pairs])
        while len(lines):
            first = np.full(len(texts), _NONE, dtype=np.int64)
            np.minimum.at(first, lines, patterns)
            for number in np.unique(first[first != _NONE]):
                untaken[attempt(int(number), np.flatnonzero(first == number))] = False
            # A pattern that only seemed to match gives way to the row's next one.
            keep = untaken[lines] & (patterns != first[lines])
            lines, patterns = lines[keep], patterns[keep]
    return untaken


def _find_pairs(
    stage: Stage, tier: int, router: Router, texts: pl.Series, untaken: BoolArray
) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs (row, pattern) that may match, from each group of the tier on the rows that are routed to it."""
    for group in stage.groups:
        if group.tier != tier:
            continue
        rows = router.find_rows(group.when, untaken)
        if not len(rows):
            continue
        found = group.chooser.find_candidates(texts if len(rows) == len(texts) else texts[to_places(rows)])
        if len(found.lines):
            yield rows[found.lines], group.numbers[found.patterns]


def _join(rule: int, parts: list[tuple[IntArray, pl.DataFrame]]) -> RuleMatch:
    if len(parts) == 1:
        rows, columns = parts[0]
        return RuleMatch(rule, rows, drop_columns(columns, _HEIGHT))
    rows = np.concatenate([part for part, _ in parts])
    order = np.argsort(rows, kind="stable")
    columns = pl.concat([_with_height(frame, len(part)) for part, frame in parts], how="diagonal_relaxed")
    return RuleMatch(rule, rows[order], drop_columns(columns[to_places(order)], _HEIGHT))


def _with_height(columns: pl.DataFrame, height: int) -> pl.DataFrame:
    # A frame without columns has no height; a concatenation would lose the pattern's rows.
    return columns if columns.width else repeat_value("_height", True, height).to_frame()

"""Joins physical lines into events: a stack trace and the line that logged it are one event.

Pure and vectorised: patterns run over whole columns, Python loops over the events that have several lines. The lines
of one file come in blocks; the event that a block leaves open goes on in the next one.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import regex

from parsers.errors import Problem, RuleError
from parsers.events.compile import LAST_RESORT
from parsers.model import Rule
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import to_polars, to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import PatternError

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]
Choose: TypeAlias = Callable[[pl.DataFrame], npt.NDArray[np.int64]]

NOT_CHOSEN = -1
_MATCH_SECONDS = 1.0
_GROUP = re.compile(r"\(\?P<[a-z0-9]+>")


@dataclass(frozen=True, slots=True)
class Join:
    """The compiled `multiline` of a rule. `is_start`: the pattern tells first lines, else continuation lines.

    `linear` is the pattern for Polars; None: `backtracking` holds it for the regex engine.
    """

    rule: int
    is_start: bool
    linear: str | None
    backtracking: "regex.Pattern[str]"
    max_lines: int
    max_bytes: int

    def match(self, texts: pl.Series) -> BoolArray:
        """Where the pattern is found. A line that takes the regex engine longer than a second does not match."""
        if self.linear is not None:
            return texts.str.contains(self.linear).to_numpy().astype(np.bool_)
        return np.array([self._search(text) for text in texts], dtype=np.bool_)

    def _search(self, text: str) -> bool:
        try:
            return self.backtracking.search(text, timeout=_MATCH_SECONDS) is not None
        except TimeoutError:
            return False


@dataclass(frozen=True, slots=True)
class Joins:
    """All rules that join lines. `of_rule` maps a rule's index to its place in `joins`, -1 for rules that do not.

    `is_free`: lines that the rule chooses do not end another's event; so it is with rules that are a last resort, and
    with lines that no rule chooses (the last place).
    `continuing` matches where any linear pattern for continuation lines does: in most files few lines, and then these
    alone are looked at pattern by pattern. None: there is no such pattern.
    """

    joins: tuple[Join, ...]
    of_rule: IntArray
    is_free: BoolArray
    continuing: str | None = None


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """The lines of an event that following lines may still continue, and the rule that joins them."""

    lines: pl.DataFrame
    rule: int


def build_joins(rules: Sequence[Rule], fragments: Mapping[str, str] = FRAGMENTS) -> Joins:
    """Compile the `multiline` parts of rules. Raises RuleError with all patterns that cannot be compiled."""
    joins: list[Join] = []
    of_rule = np.full(len(rules) + 1, NOT_CHOSEN, dtype=np.int64)  # the last place answers for index -1
    problems: list[Problem] = []
    for index, rule in enumerate(rules):
        multiline = rule.multiline
        text = multiline and (multiline.continuation or multiline.start)
        if multiline is None or not text:
            continue
        try:
            pattern = read_pattern(text, {**fragments, **rule.fragments})
            backtracking = regex.compile(to_regex(pattern), regex.ASCII | regex.VERSION0)
        except (PatternError, regex.error) as error:
            hint = error.hint if isinstance(error, PatternError) else ""
            problems.append(Problem(multiline.location, f"in 'multiline': {error}", hint))
            continue
        of_rule[index] = len(joins)
        joins.append(
            Join(
                rule=index,
                is_start=multiline.continuation is None,
                linear=to_polars(pattern),
                backtracking=backtracking,
                max_lines=max(1, multiline.max_lines),
                max_bytes=max(1, multiline.max_bytes),
            )
        )
    if problems:
        raise RuleError(problems)
    is_free = np.array([*(rule.priority <= LAST_RESORT for rule in rules), True], dtype=np.bool_)
    return Joins(tuple(joins), of_rule, is_free, _join_continuations(joins))


def _join_continuations(joins: Sequence[Join]) -> str | None:
    patterns = dict.fromkeys(join.linear for join in joins if not join.is_start and join.linear is not None)
    if not patterns:
        return None
    # A name may stand in a pattern once; here nothing is captured.
    joint = "|".join(f"(?:{_GROUP.sub('(?:', pattern)})" for pattern in patterns if pattern is not None)
    try:
        pl.Series([""]).str.contains(joint)
    except pl.exceptions.ComputeError:
        return None  # larger than the engine takes: every pattern goes over every line
    return joint


def join_events(lines: pl.DataFrame, chosen: npt.NDArray[np.integer], rules: Sequence[Rule]) -> pl.DataFrame:
    """Join all lines of one file, given the index of the rule that chose each (-1: none); see `join_lines`."""
    joins = build_joins(rules)
    events, _ = _join(joins, lines, chosen.astype(np.int64), _match_all(joins, lines), is_last=True)
    return events


def join_lines(
    joins: Joins, lines: pl.DataFrame, choose: Choose, opened: OpenEvent | None = None, *, is_last: bool
) -> tuple[pl.DataFrame, OpenEvent | None]:
    r"""Join consecutive lines of one file into events; give these and the event that is still open.

    `lines` has `event.original`, `_size` (bytes with the line end), perhaps `tags` and `tailrace.original_base64`,
    and any other columns, of which an event keeps its first line's. An event's text is its lines' texts with `\n`
    between, its `_size` the sum of theirs: every byte stays in exactly one event.

    A line belongs to the event before it when the rule that chose that event's first line says so: its `continuation`
    matches the line, whatever else would choose it; or, with `start` alone, `start` matches the event's first line and
    not this line, and no rule chooses it but one of last resort. An event that reaches the rule's
    `max_lines` or `max_bytes` ends, and the line that would pass them begins another, which goes on by the same rule.

    `choose` gives the index of the rule that chooses each line (-1: none); it is asked about few lines only. `opened`
    is what the call for the lines before these gave; with `is_last` nothing stays open. How a file's lines are cut
    into calls changes nothing.
    """
    if opened is not None:
        lines = pl.concat((opened.lines, lines), how="diagonal") if lines.height else opened.lines
    if not joins.joins or not lines.height:
        return lines, None
    carried = 0 if opened is None else opened.lines.height
    matches = _match_all(joins, lines)
    asked = _find_lines_that_matter(joins, matches, opened)
    asked[:carried] = False
    chosen = np.full(lines.height, NOT_CHOSEN, dtype=np.int64)
    rows = np.flatnonzero(asked)
    if rows.size:
        chosen[rows] = choose(lines[rows])
    if opened is not None:
        chosen[0] = opened.rule
    return _join(joins, lines, chosen, matches, is_last=is_last, is_continued=opened is not None)


def _match_all(joins: Joins, lines: pl.DataFrame) -> list[BoolArray]:
    """Each join's matches; the lines' texts go through a pattern once, however many rules have it."""
    done: dict[str, BoolArray] = {}
    texts = lines["event.original"]
    rows = None if joins.continuing is None else texts.str.contains(joins.continuing).arg_true()
    some = None if rows is None else texts.gather(rows)
    for join in joins.joins:
        if join.backtracking.pattern in done:
            continue
        if join.is_start or join.linear is None or rows is None or some is None:
            done[join.backtracking.pattern] = join.match(texts)
            continue
        matches = np.zeros(len(texts), dtype=np.bool_)
        if len(rows):
            matches[rows.to_numpy()] = join.match(some)
        done[join.backtracking.pattern] = matches
    return [done[join.backtracking.pattern] for join in joins.joins]


def _find_lines_that_matter(joins: Joins, matches: list[BoolArray], opened: OpenEvent | None) -> BoolArray:
    """The lines whose rule has a say: those before a line that may continue them, and those that must be unchosen.

    Choosing is the dearest step, and in most files no line can continue another.
    """
    asked = np.zeros(len(matches[0]), dtype=np.bool_)
    for join, match in zip(joins.joins, matches, strict=True):
        if not join.is_start:
            asked[:-1] |= match[1:]
        elif match.any() or (opened is not None and opened.rule == join.rule):
            asked |= ~match
            asked[:-1] |= ~match[1:]
    asked[-1] = True
    return asked


def _join(
    joins: Joins,
    lines: pl.DataFrame,
    chosen: IntArray,
    matches: list[BoolArray],
    *,
    is_last: bool,
    is_continued: bool = False,
) -> tuple[pl.DataFrame, OpenEvent | None]:
    if not joins.joins or not lines.height:
        return lines, None
    height = lines.height
    join_of = joins.of_rule[chosen]
    can_head = join_of >= 0
    for place, join in enumerate(joins.joins):
        if join.is_start:
            can_head &= (join_of != place) | matches[place]
    if is_continued:
        can_head[0] = True
    sizes = lines["_size"].to_numpy()
    is_head = np.ones(height, dtype=np.bool_)
    runs = _find_runs(joins, chosen, join_of, can_head, matches)
    for start, end, place in runs:
        is_head[start + 1 : end] = False
        for cut in _find_cuts(joins.joins[place], start, end, sizes):
            is_head[cut] = True
    heads = np.flatnonzero(is_head)
    opened: OpenEvent | None = None
    if not is_last:
        last = int(heads[-1])
        place = -1
        if runs and runs[-1][1] == height:
            place = runs[-1][2]
        elif can_head[last] and last == height - 1:
            place = int(join_of[last])
        if place >= 0:
            opened = OpenEvent(lines[last:], joins.joins[place].rule)
            lines, heads = lines[:last], heads[:-1]
    return _merge(lines, heads), opened


def _find_runs(
    joins: Joins, chosen: IntArray, join_of: IntArray, can_head: BoolArray, matches: list[BoolArray]
) -> list[tuple[int, int, int]]:
    """The events of several lines as (first line, line after the last, join), in order."""
    height = len(chosen)
    found: list[tuple[int, int, int]] = []
    for place, join in enumerate(joins.joins):
        heads = np.flatnonzero(can_head & (join_of == place))
        if not heads.size:
            continue
        continues = ~matches[place] & joins.is_free[chosen] if join.is_start else matches[place]
        stops = np.append(np.flatnonzero(~continues), height)
        ends = stops[np.searchsorted(stops, heads + 1)]
        longer = ends > heads + 1
        found.extend(
            (head, end, place)
            for head, end in zip(heads[longer].tolist(), ends[longer].tolist(), strict=True)
        )
    found.sort()
    runs: list[tuple[int, int, int]] = []
    taken = 0
    for run in found:
        # A line inside an event cannot be another event's first, even if its rule could join lines.
        if run[0] >= taken:
            runs.append(run)
            taken = run[1]
    return runs


def _find_cuts(join: Join, start: int, end: int, sizes: IntArray) -> list[int]:
    """Where an event that passes its limits is cut: the first lines of the further events."""
    if end - start <= join.max_lines and int(sizes[start:end].sum()) <= join.max_bytes:
        return []
    ends = np.cumsum(sizes[start:end])
    cuts: list[int] = []
    at = 0
    while True:
        before = int(ends[at - 1]) if at else 0
        fitting = int(np.searchsorted(ends, before + join.max_bytes, side="right"))
        at = min(max(fitting, at + 1), at + join.max_lines)
        if at >= end - start:
            return cuts
        cuts.append(start + at)


def _merge(lines: pl.DataFrame, heads: IntArray) -> pl.DataFrame:
    """One row an event, from the rows of its lines."""
    if len(heads) == lines.height:
        return lines
    counts = np.diff(np.append(heads, lines.height))
    several = counts > 1
    inside = lines.filter(pl.Series(np.repeat(several, counts)))
    numbers = np.repeat(np.arange(int(several.sum())), counts[several])
    texts = (
        inside.select(pl.col("event.original"), pl.Series("_event", numbers))
        .group_by("_event", maintain_order=True)
        .agg(pl.col("event.original").str.join("\n"))["event.original"]
    )
    sizes = np.add.reduceat(lines["_size"].to_numpy(), heads) if len(heads) else np.empty(0, dtype=np.int64)
    events = lines[heads]
    events = events.with_columns(
        events["event.original"].scatter(np.flatnonzero(several), texts),
        pl.Series("_size", sizes, dtype=pl.Int64),
    )
    if "tailrace.original_base64" in lines.columns:
        events = _merge_broken(events, lines, heads, counts)
    return events


def _merge_broken(
    events: pl.DataFrame, lines: pl.DataFrame, heads: IntArray, counts: IntArray
) -> pl.DataFrame:
    """Let an event with a broken line hold the bytes of all its lines, and that line's tags."""
    broken = lines["tailrace.original_base64"].is_not_null().to_numpy()
    originals = events["tailrace.original_base64"].to_list()
    tags = events["tags"].to_list() if "tags" in events.columns else [None] * len(originals)
    for event in np.flatnonzero(np.add.reduceat(broken.astype(np.int64), heads) * (counts > 1)).tolist():
        rows = lines[int(heads[event]) : int(heads[event] + counts[event])]
        raw = (
            text.encode() if original is None else b64decode(original)
            for text, original in rows.select("event.original", "tailrace.original_base64").iter_rows()
        )
        originals[event] = b64encode(b"\n".join(raw)).decode("ascii")
        held = (
            rows["tags"].drop_nulls().explode().unique(maintain_order=True).to_list()
            if "tags" in rows.columns
            else []
        )
        tags[event] = held or None
    return events.with_columns(
        pl.Series("tailrace.original_base64", originals, dtype=pl.String),
        pl.Series("tags", tags, dtype=pl.List(pl.String)),
    )

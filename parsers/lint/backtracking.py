"""Patterns that may take exponential or polynomial time: found by structure, confirmed by timing attack strings.

Patterns without look-around, back-references and atomic groups run in engines of linear time and are not looked at.
Structure after J. Kirrage, A. Rathnayake and H. Thielecke, "Static Analysis for Regular Expression Denial-of-Service
Attacks" (NSS 2013): an attack is a prefix that leads to a repetition, a pump that repeats, and an end that fails.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from parsers.errors import Problem
from parsers.explain.follow import read_rule_pattern
from parsers.explain.show import show_tokens
from parsers.explain.steps import Step, split_steps
from parsers.lint.sample import PREFERRED, make_text
from parsers.model import Pattern, Rule
from parsers.patterns.engines import to_regex
from parsers.patterns.groups import split_branches
from parsers.patterns.tokens import ReadPattern, Token

# What a pattern may take on a line of `_LONGEST` characters; the engine gives a line up after 0.05 s.
LIMIT_SECONDS = 0.05
_LENGTHS = (20, 28, 200, 2_000, 20_000)
_ENDS = ("\x00", "!", "")


@dataclass(frozen=True, slots=True)
class Repetition:
    """An unbounded repetition: what leads to it, what repeats, what comes after, and whether one repeats inside it."""

    before: tuple[Token, ...]
    repeated: tuple[Token, ...]
    after: tuple[Token, ...]
    is_nested: bool


def lint_backtracking(rule: Rule) -> Iterator[Problem]:
    """An error for each pattern that a made-up line can hold up; a warning where timing confirms no suspicion."""
    for pattern in rule.patterns:
        read = read_rule_pattern(rule, pattern)
        if not read.is_linear:
            yield from _lint_pattern(pattern, read)


def _lint_pattern(pattern: Pattern, read: ReadPattern) -> Iterator[Problem]:
    repetitions = tuple(find_repetitions(read.tokens))
    for repetition in repetitions:
        attack = find_attack(read, repetition)
        if attack is not None:
            shown = show_tokens(repetition.repeated, 40)
            message = (
                f"the pattern backtracks without end: {len(attack)} characters hold it for more than "
                f"{LIMIT_SECONDS * 1000:.0f} ms (repeating `{shown}`, e.g. {attack[:40]!r}…)"
            )
            hint = "make the repeated parts exclude each other, or remove the look-around or back-reference"
            yield Problem(pattern.location, message, hint)
            return
    nested = next((repetition for repetition in repetitions if repetition.is_nested), None)
    if nested is not None:
        message = f"`{show_tokens(nested.repeated, 40)}` repeats a repetition"
        hint = "no line was found that makes it slow; still, one repetition says the same"
        yield Problem(pattern.location, message, hint, "warning")


def find_repetitions(tokens: Sequence[Token]) -> Iterator[Repetition]:
    """All unbounded repetitions, at any depth."""
    for branch in split_branches(tuple(tokens)):
        yield from _find_in_steps((), split_steps(branch))


def find_attack(read: ReadPattern, repetition: Repetition) -> str | None:
    """A line on which the pattern takes longer than `LIMIT_SECONDS`, None if none is found."""
    compiled = regex.compile(to_regex(read), regex.ASCII | regex.VERSION0)
    head = make_text(repetition.before, 1)
    # Engines look for characters that a match must hold before they try: the end needs what comes after, and a break.
    ends = (*_ENDS, f"{make_text(repetition.after)}\x00")
    for pump in _list_pumps(repetition.repeated):
        for length in _LENGTHS:
            for end in ends:
                attack = head + pump * (length // len(pump) + 1) + end
                if _is_slow(compiled, attack):
                    return attack
    return None


def _list_pumps(repeated: tuple[Token, ...]) -> Iterator[str]:
    """Texts that the repeated part matches: single characters first, since several of its branches may share one."""
    names = tuple(token.text for token in repeated if token.kind == "name")
    try:
        alone = regex.compile(to_regex(ReadPattern(repeated, names, {}, False)), regex.ASCII | regex.VERSION0)
    except (regex.error, KeyError):
        return  # it refers to a group outside itself
    seen: set[str] = set()
    for text in (*PREFERRED, *(make_text(repeated, variant) for variant in range(4))):
        if text and text not in seen and alone.fullmatch(text, timeout=1):
            seen.add(text)
            yield text


def _is_slow(compiled: "regex.Pattern[str]", text: str) -> bool:
    began = time.process_time()
    try:
        compiled.search(text, timeout=4 * LIMIT_SECONDS)
    except TimeoutError:
        return True
    return time.process_time() - began > LIMIT_SECONDS


def _find_in_steps(
    before: tuple[Token, ...], steps: Sequence[Step], after: tuple[Token, ...] = ()
) -> Iterator[Repetition]:
    for number, step in enumerate(steps):
        rest = tuple(token for later in steps[number + 1 :] for token in later.tokens) + after
        inner = [
            found for branch in step.branches for found in _find_in_steps(before, split_steps(branch), rest)
        ]
        if _is_unbounded(step):
            yield Repetition(before, step.tokens[:-1], rest, bool(inner))
        yield from inner
        before = before + step.tokens


def _is_unbounded(step: Step) -> bool:
    last = step.tokens[-1]
    if last.kind != "quantifier" or (len(last.text) > 1 and last.text.endswith("+")):
        return False
    return last.text[0] in "*+" or last.text.rstrip("?").endswith(",}")

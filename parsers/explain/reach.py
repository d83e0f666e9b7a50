"""How far a line gets into a pattern that does not match it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import regex

from parsers.explain.show import show_tokens
from parsers.explain.steps import Step, split_steps
from parsers.patterns.engines import to_regex
from parsers.patterns.groups import split_branches
from parsers.patterns.tokens import ReadPattern, Token

# A prefix is tried some ten times for a pattern; a hostile line may not make a person wait for long.
TIMEOUT_SECONDS = 0.05
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Reach:
    """The longest beginning of a pattern that the line has.

    `end`: how many characters of the line that beginning takes. `certain`: how many it takes at the least, by which
    patterns are compared: `.*` at the break takes everything and proves nothing. `steps` of `all_steps` matched;
    `wanted` is what the pattern goes on with, `found` what the line does.
    """

    end: int
    certain: int
    steps: int
    all_steps: int
    wanted: str
    found: str


def find_reach(pattern: ReadPattern, text: str) -> Reach:
    """How far `text` (one line) gets. Works for any pattern of the dialect; never raises for what the line holds."""
    flags = tuple(token for token in pattern.tokens if token.kind == "flags")
    tries = [_advance(flags, split_steps(branch), text) for branch in split_branches(pattern.tokens)]
    matched, end, total, rest = max(tries, key=lambda found: (found[1], len(found[0])))
    certain = _match_end(tuple(map(_make_lazy, matched)), text)
    return Reach(
        end,
        end if certain is None else certain,
        len(split_steps(matched)),
        max(total, len(split_steps(matched))),
        show_tokens(rest, SHOWN) if rest else "",
        text[end : end + SHOWN],
    )


def _advance(
    before: tuple[Token, ...], steps: Sequence[Step], text: str
) -> tuple[tuple[Token, ...], int, int, tuple[Token, ...]]:
    """The tokens that match, where they end, how many steps there were, and the tokens that come next."""
    low, high, end = 0, len(steps), _match_end(before, text) or 0
    while low < high:
        middle = (low + high + 1) // 2
        found = _match_end(_join(before, steps[:middle]), text)
        if found is None:
            high = middle - 1
        else:
            low, end = middle, found
    matched = _join(before, steps[:low])
    if low == len(steps):
        return matched, end, len(steps), ()
    broken = steps[low]
    rest = _join((), steps[low:])
    # The step that failed may be a group of which a part matched.
    best = (matched, end, len(steps), rest)
    for branch in broken.branches:
        inner = _advance(matched, split_steps(branch), text)
        if (inner[1], len(inner[0])) > (best[1], len(best[0])) and len(inner[0]) > len(matched):
            best = (inner[0], inner[1], len(steps) + inner[2], inner[3] or rest)
    return best


def _join(before: tuple[Token, ...], steps: Sequence[Step]) -> tuple[Token, ...]:
    return before + tuple(token for step in steps for token in step.tokens)


def _match_end(tokens: tuple[Token, ...], text: str) -> int | None:
    """Where the first match of `tokens` ends, None without one (or where it takes too long)."""
    names = tuple(token.text for token in tokens if token.kind == "name")
    try:
        compiled = regex.compile(
            to_regex(ReadPattern(tokens, names, {}, False)), regex.ASCII | regex.VERSION0
        )
        found = compiled.search(text, timeout=TIMEOUT_SECONDS)
    except (regex.error, KeyError, TimeoutError):
        # A reference to a group that was taken apart: the pattern is shown as far as it can be followed.
        return None
    return found.end() if found else None


def _make_lazy(token: Token) -> Token:
    if token.kind != "quantifier" or (len(token.text) > 1 and token.text.endswith(("?", "+"))):
        return token
    return replace(token, text=f"{token.text}?")

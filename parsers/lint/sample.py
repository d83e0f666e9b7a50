"""Makes texts that a pattern matches, out of the pattern alone."""

from collections.abc import Iterator, Sequence

import regex

from parsers.explain.steps import Step, split_steps
from parsers.patterns.engines import to_regex
from parsers.patterns.groups import split_branches
from parsers.patterns.tokens import ReadPattern, Token

# Characters that look like what classes of log patterns are meant for; the first that a class holds is taken.
PREFERRED = "a1AxX 0-_./:,;=@'\"()[]{}<>#!?*+%&|~^$\\`\t"
_VARIANTS = 4
_TIMEOUT_SECONDS = 0.05


def make_samples(pattern: ReadPattern, count: int = _VARIANTS) -> tuple[str, ...]:
    """Up to `count` distinct texts that the pattern matches; fewer, or none, where look-around gets in the way.

    The first has each optional part left out and each first branch; later ones take other branches and the optional
    parts too.
    """
    compiled = regex.compile(to_regex(pattern), regex.ASCII | regex.VERSION0)
    found: dict[str, None] = {}
    for variant in range(2 * count):
        text = make_text(pattern.tokens, variant)
        try:
            if compiled.search(text, timeout=_TIMEOUT_SECONDS):
                found.setdefault(text)
        except TimeoutError:
            continue
        if len(found) == count:
            break
    return tuple(found)


def make_text(tokens: Sequence[Token], variant: int = 0) -> str:
    """A text made of the tokens. `variant` chooses branches, repetitions and whether optional parts are there."""
    branches = split_branches(tuple(tokens))
    chosen = branches[variant % len(branches)]
    return "".join(_write_step(step, variant) for step in split_steps(chosen))


def _write_step(step: Step, variant: int) -> str:
    token = step.tokens[0]
    times = _choose_times(step, variant)
    if step.branches:
        inner = "".join(
            _write_step(part, variant) for part in split_steps(step.branches[variant % len(step.branches)])
        )
        return inner * times
    if token.kind == "look":
        return make_text(step.tokens[1:-1], variant) if token.text == "(?>" else ""
    return _choose_character(token, variant) * times


def _choose_times(step: Step, variant: int) -> int:
    last = step.tokens[-1]
    if last.kind != "quantifier":
        return 1
    text = last.text
    if text[0] == "?":
        return variant % 2
    if text[0] == "*":
        return (variant % 2) * 3
    if text[0] == "+":
        return 1 + variant % 3
    low = text[1:].split("}")[0].split(",")[0]
    return int(low or 0)


def _choose_character(token: Token, variant: int) -> str:
    match token.kind:
        case "literal":
            return token.text
        case "any":
            return "ax1"[variant % 3]
        case "class":
            return next(_list_members(token), "") if not token.properties else "É"
        case _:
            return ""


def _list_members(token: Token) -> Iterator[str]:
    for character in PREFERRED:
        if any(low <= ord(character) <= high for low, high in token.ranges):
            yield character
    for low, _ in token.ranges:
        yield chr(low)

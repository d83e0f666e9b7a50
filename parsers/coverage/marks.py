"""Marks the branches and optional groups of a pattern, so that a match tells which of them took part.

What stands inside the shipped fragments is not marked: a rule's author does not test how an IP address is written.
"""

from dataclasses import dataclass

import regex

from parsers.explain.show import show_tokens
from parsers.model import Rule
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import group_name, to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.groups import OPENING, find_branch_end, find_close
from parsers.patterns.tokens import ReadPattern, Token

# Private-use characters: no rule holds them, and reading a pattern leaves them where they stand. After the first comes
# one that says which fragment begins.
_BEGIN, _END = "\ue000", "\ue001"
_FIRST_NUMBER = 0xE100
_SHOWN = 50
TIMEOUT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that takes part in a match or not; `is_branch`: an alternative, else an optional group.

    `fragment` is the rule's own fragment in which it stands, None for the pattern itself.
    """

    name: str
    is_branch: bool
    shown: str
    fragment: str | None


@dataclass(frozen=True, slots=True)
class MarkedPattern:
    """The pattern with an empty capture at every mark."""

    marks: tuple[Mark, ...]
    compiled: "regex.Pattern[str]"

    def find_exercised(self, text: str) -> frozenset[str]:
        """The names of the marks that take part in the match on `text`; empty without a match."""
        try:
            found = self.compiled.search(text, timeout=TIMEOUT_SECONDS)
        except TimeoutError:
            return frozenset()
        if found is None:
            return frozenset()
        return frozenset(mark.name for mark in self.marks if found.span(mark.name) != (-1, -1))


def mark_pattern(text: str, rule: Rule) -> MarkedPattern:
    """Reads a pattern of `rule` with its marks."""
    own = list(rule.fragments)
    enclosed = {name: _enclose(body, None) for name, body in FRAGMENTS.items()}
    enclosed |= {name: _enclose(body, number) for number, (name, body) in enumerate(rule.fragments.items())}
    read = read_pattern(text, enclosed)
    marks: list[Mark] = []
    tokens = _insert_marks(read.tokens, own, marks)
    names = (*read.names, *(mark.name for mark in marks))
    written = to_regex(ReadPattern(tokens, names, {}, False))
    for index, mark in enumerate(marks, start=len(read.names)):
        written = written.replace(f"(?P<{group_name(index)}>)", f"(?P<{mark.name}>)")
    return MarkedPattern(tuple(marks), regex.compile(written, regex.ASCII | regex.VERSION0))


def _enclose(body: str, number: int | None) -> str:
    return f"{_BEGIN}{chr(_FIRST_NUMBER + (0 if number is None else number + 1))}{body}{_END}"


def _insert_marks(tokens: tuple[Token, ...], own: list[str], marks: list[Mark]) -> tuple[Token, ...]:
    out: list[Token] = []
    # The fragments that are open, and for every open group whether its branches are marked.
    fragments: list[str | None] = []
    groups = [_has_branches(tokens, -1)]
    skip = False

    def mark(is_branch: bool, shown: str) -> None:
        name = f"mark{len(marks)}"
        marks.append(Mark(name, is_branch, shown, fragments[-1] if fragments else None))
        out.extend((Token("name", name), Token("close")))

    if groups[0]:
        mark(True, _show_branch(tokens, 0))
    for at, token in enumerate(tokens):
        if skip:
            skip = False
            continue
        if token.kind == "literal" and token.text == _BEGIN:
            number = ord(tokens[at + 1].text) - _FIRST_NUMBER
            fragments.append(own[number - 1] if number else None)
            skip = True
            if groups[-1] and _is_markable(fragments):
                mark(True, _show_branch(tokens, at))
            continue
        if token.kind == "literal" and token.text == _END:
            fragments.pop()
            continue
        out.append(token)
        if token.kind in OPENING:
            inside = tokens[at + 1 : at + 3]
            is_fragment = bool(inside) and inside[0] == Token("literal", _BEGIN)
            is_plain = token.kind != "look"
            if is_plain and _is_markable(fragments) and _is_optional(tokens, at):
                mark(False, _show(tokens[at : find_close(tokens, at) + 1]))
            groups.append(is_plain and _has_branches(tokens, at))
            if groups[-1] and not is_fragment and _is_markable(fragments):
                mark(True, _show_branch(tokens, at + 1))
        elif token.kind == "close":
            groups.pop()
        elif token.kind == "or" and groups[-1] and _is_markable(fragments):
            mark(True, _show_branch(tokens, at + 1))
    return tuple(out)


def _is_markable(fragments: list[str | None]) -> bool:
    return None not in fragments


def _has_branches(tokens: tuple[Token, ...], opening: int) -> bool:
    end = find_branch_end(tokens, opening + 1)
    return end < len(tokens) and tokens[end].kind == "or"


def _is_optional(tokens: tuple[Token, ...], opening: int) -> bool:
    after = find_close(tokens, opening) + 1
    return after < len(tokens) and tokens[after].kind == "quantifier" and tokens[after].text[:1] in "?*"


def _show_branch(tokens: tuple[Token, ...], start: int) -> str:
    return _show(tokens[start : find_branch_end(tokens, start)])


def _show(tokens: tuple[Token, ...]) -> str:
    kept = [
        token
        for token in tokens
        if not (
            token.kind == "literal" and (token.text in (_BEGIN, _END) or ord(token.text) >= _FIRST_NUMBER)
        )
    ]
    return show_tokens(kept, _SHOWN)

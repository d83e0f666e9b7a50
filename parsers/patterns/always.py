"""Recognises patterns that match every line, such as a chain's last `^(?P<message>.*)$`: they need no scan."""

from collections.abc import Sequence

from parsers.patterns.groups import OPENING
from parsers.patterns.tokens import ReadPattern, Token

_SKIPPABLE = ("?", "*")


def matches_everything(pattern: ReadPattern) -> bool:
    """Whether the pattern matches any single line. False where that takes more than a look at its shape."""
    return pattern.is_linear and _accepts_all(pattern.tokens)


def _accepts_all(tokens: Sequence[Token]) -> bool:
    body = list(tokens)
    if body and body[0].kind == "flags":
        body = body[1:]
    if body and body[0].kind == "anchor" and body[0].text == "^":
        body = body[1:]
    if body and body[-1].kind == "anchor" and body[-1].text == "$":
        body = body[:-1]
    whole = False
    for piece, quantifier in _split(body):
        if piece[0].kind == "or":
            return False
        optional = quantifier[:1] in _SKIPPABLE or quantifier.startswith("{0,")
        if _is_any(piece, quantifier):
            whole = True
        elif not optional:
            return False
    return whole


def _is_any(piece: Sequence[Token], quantifier: str) -> bool:
    if piece[0].kind == "any":
        return quantifier.startswith("*")
    is_group = piece[0].kind in ("open", "name") and not quantifier
    return is_group and not any(token.kind == "anchor" for token in piece) and _accepts_all(piece[1:-1])


def _split(tokens: Sequence[Token]) -> list[tuple[Sequence[Token], str]]:
    """Top-level pieces (a token or a group) with the quantifier after each."""
    pieces: list[tuple[Sequence[Token], str]] = []
    depth, start = 0, 0
    for at, token in enumerate(tokens):
        if token.kind == "quantifier" and depth == 0:
            pieces[-1] = (pieces[-1][0], token.text)
            continue
        if depth == 0:
            start = at
        depth += token.kind in OPENING
        depth -= token.kind == "close"
        if depth == 0:
            pieces.append((tokens[start : at + 1], ""))
    return pieces

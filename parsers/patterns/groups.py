"""Groups in a sequence of tokens: where they end, and the alternatives in them."""

from collections.abc import Sequence

from parsers.patterns.tokens import Token

OPENING = ("open", "name", "look")
# Those that take the text that they match.
TAKING = ("open", "name")


def find_close(tokens: Sequence[Token], opening: int) -> int:
    """The place of the `)` of the group that begins at `opening`. Raises ValueError for a group without an end."""
    depth = 0
    for at in range(opening, len(tokens)):
        depth += tokens[at].kind in OPENING
        depth -= tokens[at].kind == "close"
        if depth == 0:
            return at
    raise ValueError("a group without an end")


def find_branch_end(tokens: Sequence[Token], start: int) -> int:
    """Where the alternative that begins at `start` ends: at its `|`, its group's `)`, or the end of the tokens."""
    depth = 0
    for at in range(start, len(tokens)):
        if depth == 0 and tokens[at].kind in ("or", "close"):
            return at
        depth += tokens[at].kind in OPENING
        depth -= tokens[at].kind == "close"
    return len(tokens)


def split_branches(tokens: Sequence[Token]) -> tuple[tuple[Token, ...], ...]:
    """The alternatives of a sequence, cut at each `|` that is in no group; of a sequence without any, itself."""
    branches: list[tuple[Token, ...]] = []
    start = 0
    while True:
        end = find_branch_end(tokens, start)
        branches.append(tuple(tokens[start:end]))
        if end == len(tokens):
            return tuple(branches)
        start = end + 1

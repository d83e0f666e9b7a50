"""Widens lists of words for the scan: `(?:Jan|Feb|…)` becomes `[ADFJMNOS][aceopu][bcglnprtvy]`.

Hyperscan takes long over many words side by side (half a second for ten of them at a line's start). What a scan finds
too much is found out when the captures are taken.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from parsers.patterns.groups import find_close
from parsers.patterns.tokens import Range, Token

# Fewer words are cheap as they are, and tell lines apart.
FEWEST_WORDS = 7
MOST_WORDS = 256
# Positions that keep their own characters; all later ones share theirs.
EXACT_POSITIONS = 3

_Word: TypeAlias = tuple[tuple[Range, ...], ...]


def widen_words(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens with every group that is a list of `FEWEST_WORDS` words or more as classes of characters.

    A word is made of ASCII letters, digits and the like, classes of them, and optional parts that are words. The
    result matches at least what `tokens` do.
    """
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind in ("open", "name"):
            end = find_close(tokens, at)
            words = _list_words(tokens[at + 1 : end])
            if words is not None and len(words) >= FEWEST_WORDS and all(words):
                out += [token, *_write_words(words), tokens[end]]
                at = end + 1
                continue
        out.append(token)
        at += 1
    return tuple(out)


def _list_words(tokens: Sequence[Token]) -> list[_Word] | None:
    """All words of an alternation; None where it holds anything else, or too many."""
    found: list[_Word] = []
    current: list[_Word] = [()]
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = at
        if token.kind == "or":
            found += current
            current = [()]
            at += 1
            continue
        if token.kind in ("open", "name") and not token.text.startswith("(?i"):
            end = find_close(tokens, at)
            pieces = _list_words(tokens[at + 1 : end])
        else:
            pieces = _list_characters(token)
        if pieces is None:
            return None
        at = end + 1
        if at < len(tokens) and tokens[at].kind == "quantifier":
            if tokens[at].text not in ("?", "??"):
                return None
            pieces = [(), *pieces]
            at += 1
        if len(found) + len(current) * len(pieces) > MOST_WORDS:
            return None
        current = [word + piece for word in current for piece in pieces]
    return found + current


def _list_characters(token: Token) -> list[_Word] | None:
    if token.kind == "literal" and token.text.isascii():
        return [(((ord(token.text), ord(token.text)),),)]
    if token.kind == "class" and token.ranges and not token.properties and not token.negated:
        return [(token.ranges,)] if all(high < 0x80 for _, high in token.ranges) else None
    return None


def _write_words(words: Sequence[_Word]) -> list[Token]:
    shortest, longest = min(map(len, words)), max(map(len, words))
    out: list[Token] = []
    for position in range(min(longest, EXACT_POSITIONS)):
        out.append(_join(word[position] for word in words if len(word) > position))
        if position >= shortest:
            out.append(Token("quantifier", "?"))
    if longest > EXACT_POSITIONS:
        out.append(_join(ranges for word in words for ranges in word[EXACT_POSITIONS:]))
        out.append(Token("quantifier", "*"))
    return out


def _join(many: Iterable[tuple[Range, ...]]) -> Token:
    codes = sorted({code for ranges in many for low, high in ranges for code in range(low, high + 1)})
    joined: list[Range] = []
    for code in codes:
        if joined and joined[-1][1] == code - 1:
            joined[-1] = (joined[-1][0], code)
        else:
            joined.append((code, code))
    return Token("class", ranges=tuple(joined))

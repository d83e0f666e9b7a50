"""Writes tokens of a pattern as a person would: classes by their short names, groups with their fields."""

from collections.abc import Sequence

from parsers.patterns.tokens import DIGITS, NEWLINE, SPACES, WORD, Range, Token, complement

_SHORT: dict[tuple[Range, ...], str] = {
    DIGITS: r"\d",
    WORD: r"\w",
    SPACES: r"\s",
    complement(DIGITS + NEWLINE): r"\D",
    complement(WORD + NEWLINE): r"\W",
    complement(SPACES + NEWLINE): r"\S",
}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")
# What a class leaves out is shorter to show when it reaches to the end of Unicode.
_LAST = 0x10FFFF


def show_tokens(tokens: Sequence[Token], limit: int = 60) -> str:
    """The pattern text of tokens, at most `limit` characters and then an ellipsis."""
    text = "".join(map(show_token, tokens))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def show_token(token: Token) -> str:
    """One token as it would stand in a rule."""
    match token.kind:
        case "literal":
            return f"\\{token.text}" if token.text in _SPECIAL else _show_character(ord(token.text))
        case "class":
            return _show_class(token)
        case "any":
            return "."
        case "or":
            return "|"
        case "close":
            return ")"
        case "name":
            return f"(?P<{token.text}>"
        case "boundary":
            return f"\\{token.text}"
        case "backreference":
            return f"\\{token.text}" if token.text.isdigit() else f"(?P={token.text})"
        case _:
            return token.text


def _show_class(token: Token) -> str:
    if token.ranges in _SHORT and not token.properties:
        return _SHORT[token.ranges]
    inner = "".join(rf"\p{{{name}}}" for name in token.properties)
    if not token.properties and token.ranges and token.ranges[-1][1] == _LAST:
        left_out = tuple(bounds for bounds in complement(token.ranges) if bounds != NEWLINE[0])
        return f"[^{''.join(map(_show_range, left_out))}]"
    return f"[{'^' if token.negated else ''}{''.join(map(_show_range, token.ranges))}{inner}]"


def _show_range(bounds: Range) -> str:
    low, high = bounds
    if (low, high) == DIGITS[0]:
        return r"\d"
    return _show_member(low) + ("" if low == high else f"-{_show_member(high)}")


def _show_member(code: int) -> str:
    return f"\\{chr(code)}" if chr(code) in "]\\^-" else _show_character(code)


def _show_character(code: int) -> str:
    character = chr(code)
    if character == "\t":
        return r"\t"
    return character if character.isprintable() else f"\\x{{{code:x}}}"

"""Writes a read pattern for an engine that sees bytes: Hyperscan without its UTF-8 mode.

The text is valid UTF-8, so any run of characters outside ASCII is a run of bytes from 0x80 up. Classes written as bytes
compile and scan several times faster than the automata that UTF-8 mode makes of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.patterns.groups import OPENING
from parsers.patterns.tokens import MAXIMUM_CODE_POINT, Range, Token

# RFC 3629: a lead byte and one to three continuation bytes.
_MULTIBYTE = r"[\xc2-\xf4][\x80-\xbf]{1,3}"
_NOTHING = r"[^\x00-\xff]"


@dataclass(frozen=True, slots=True)
class BytesPattern:
    """The pattern's text; `exact` is false where it may match more than it should."""

    text: str
    exact: bool


def write_bytes(tokens: Sequence[Token]) -> BytesPattern:
    """Writes tokens; captures become plain groups, and what bytes cannot say is widened."""
    out: list[str] = []
    exact = True
    depth, dropped = 0, 0  # `dropped`: the depth of a look-around that is left out
    for at, token in enumerate(tokens):
        following = (
            tokens[at + 1].text if at + 1 < len(tokens) and tokens[at + 1].kind == "quantifier" else ""
        )
        depth += token.kind in OPENING
        if not dropped:
            if token.kind == "look" and token.text != "(?>":
                dropped, exact = depth, False
            else:
                text, is_same = _write_token(token, following)
                out.append(text)
                exact = exact and is_same
        elif token.kind == "close" and depth == dropped:
            dropped = 0
            out.append("(?:)")
        depth -= token.kind == "close"
    return BytesPattern("".join(out), exact)


def _write_token(token: Token, following: str) -> tuple[str, bool]:
    match token.kind:
        case "open":
            return ("(?:" if token.text == "(" else token.text), True
        case "name":
            return "(?:", True
        case "look":
            return "(?:", False
        case "close":
            return ")", True
        case "or":
            return "|", True
        case "literal":
            return _write_literal(token.text), True
        case "any":
            return _write_class(((0x00, 0x09), (0x0B, MAXIMUM_CODE_POINT)), following), True
        case "class":
            return _write_token_class(token, following)
        case "anchor":
            return ("(?:)", False) if token.text == "$" else (token.text, True)
        case "boundary":
            return rf"\{token.text}", True
        case "quantifier":
            possessive = len(token.text) > 1 and token.text.endswith("+")
            return (token.text[:-1], False) if possessive else (token.text, True)
        case "backreference":
            return r"(?:[^\n]*)", False
        case _:
            return "", True


def _write_literal(character: str) -> str:
    written = "".join(_write_byte(byte) for byte in character.encode())
    return written if character.isascii() else f"(?:{written})"


def _write_token_class(token: Token, following: str) -> tuple[str, bool]:
    if token.properties:
        return _write_class(((0x00, 0x09), (0x0B, MAXIMUM_CODE_POINT)), following), False
    beyond = [bounds for bounds in token.ranges if bounds[1] >= 0x80]
    ascii_only = tuple((low, min(high, 0x7F)) for low, high in token.ranges if low < 0x80)
    if not beyond:
        return _write_class(ascii_only, following), True
    covers_all = any(low <= 0x80 and high == MAXIMUM_CODE_POINT for low, high in beyond)
    return _write_class((*ascii_only, (0x80, MAXIMUM_CODE_POINT)), following), covers_all


def _write_class(ranges: Sequence[Range], following: str) -> str:
    """A class that holds all of Unicode outside ASCII, or none of it."""
    low_part = "".join(_write_range(low, min(high, 0x7F)) for low, high in ranges if low < 0x80)
    has_rest = any(high >= 0x80 for _, high in ranges)
    if not low_part and not has_rest:
        return _NOTHING
    if not has_rest:
        return f"[{low_part}]"
    if following[:1] in ("*", "+"):
        return f"[{low_part}\\x80-\\xff]"
    return f"(?:[{low_part}]|{_MULTIBYTE})" if low_part else f"(?:{_MULTIBYTE})"


def _write_range(low: int, high: int) -> str:
    return _write_byte(low) if low == high else f"{_write_byte(low)}-{_write_byte(high)}"


def _write_byte(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and character.isalnum() else f"\\x{byte:02x}"

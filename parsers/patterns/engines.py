"""Writes a read pattern in the syntax of each engine: Rust's regex (Polars), Hyperscan, and Python's `regex`.

All three get the same language: classes spelt out as ranges, no token that matches a newline.
"""

from collections.abc import Collection
from dataclasses import replace

from parsers.patterns.absorb import absorb_alternatives
from parsers.patterns.bytes_pattern import write_bytes
from parsers.patterns.prune import prune_pattern
from parsers.patterns.starts import Start
from parsers.patterns.tokens import MAXIMUM_CODE_POINT, Range, ReadPattern, Token
from parsers.patterns.widen import widen_words

# A group that takes part in every match: its column is null exactly where the pattern did not match.
MATCHED = "m"
_SPECIAL = set("\\.+*?()|[]{}^$#&-~/ \"'<>")


def group_name(index: int) -> str:
    """The engine's name for the capture at `index`: engines take no dots in names."""
    return f"g{index}"


def to_polars(pattern: ReadPattern) -> str | None:
    """The pattern for Polars (Rust regex), captures named `g0`, `g1`, ...; None if it is not linear."""
    if not pattern.is_linear:
        return None
    return _leading_flags(pattern) + f"(?P<{MATCHED}>)(?:" + _write(pattern, "polars") + ")"


def to_regex(pattern: ReadPattern) -> str:
    """The pattern for Python's `regex`, to be compiled with its ASCII and VERSION0 flags."""
    return _leading_flags(pattern) + "(?:" + _write(pattern, "regex") + ")"


def to_hyperscan(pattern: ReadPattern) -> tuple[str, bool]:
    """The pattern for Hyperscan in multi-line byte mode over lines joined by newlines, and whether it is exact.

    It reports a line once, at its end. Where Hyperscan cannot say the same, the pattern is widened (look-around and
    inner `$` dropped, atomic groups opened, back-references made `any text`, parts of Unicode made `any of it`), and
    so are lists of words (see `widen_words`): it then matches at least what it should, and its matches need checking.
    """
    tokens = pattern.tokens
    ends_line = bool(tokens) and tokens[-1] == _END and not _has_outer_alternation(tokens)
    body = tokens[:-1] if ends_line else tokens
    body = absorb_alternatives(body)
    widened = widen_words(body)
    written = write_bytes(widened)
    exact = pattern.is_linear and _END not in body and written.exact and widened == tuple(body)
    tail = "$" if ends_line else r"[^\n]*$"
    return _leading_flags(pattern) + "(?:" + written.text + ")" + tail, exact


def narrow_scan(pattern: ReadPattern, starts: Collection[Start]) -> dict[Start, str]:
    """What Hyperscan gets for lines of each of the pattern's starts, where that is less than for all lines."""
    if len(starts) < 2:
        return {}  # whatever began otherwise would be a start as well
    narrowed = {start: prune_pattern(pattern.tokens, start) for start in sorted(starts)}
    return {
        start: to_hyperscan(replace(pattern, tokens=tokens))[0]
        for start, tokens in narrowed.items()
        if tokens != pattern.tokens
    }


_END = Token("anchor", "$")


def _has_outer_alternation(tokens: tuple[Token, ...]) -> bool:
    depth = 0
    for token in tokens:
        depth += token.kind in ("open", "name", "look")
        depth -= token.kind == "close"
        if token.kind == "or" and depth == 0:
            return True
    return False


def _leading_flags(pattern: ReadPattern) -> str:
    return pattern.tokens[0].text if pattern.tokens and pattern.tokens[0].kind == "flags" else ""


def _write(pattern: ReadPattern, engine: str) -> str:
    indexes = {name: index for index, name in enumerate(pattern.names)}
    return "".join(_write_token(token, indexes, engine) for token in pattern.tokens if token.kind != "flags")


def _write_token(token: Token, indexes: dict[str, int], engine: str) -> str:
    match token.kind:
        case "name":
            return f"(?P<{group_name(indexes[token.text])}>"
        case "literal":
            return _write_character(ord(token.text), engine)
        case "any":
            return "."
        case "or":
            return "|"
        case "close":
            return ")"
        case "boundary":
            return rf"(?-u:\{token.text})" if engine == "polars" else rf"\{token.text}"
        case "class":
            return _write_class(token, engine)
        case "backreference":
            return rf"\{token.text}" if token.text.isdigit() else f"(?P={group_name(indexes[token.text])})"
        case _:
            return token.text


def _write_class(token: Token, engine: str) -> str:
    if token.properties and not token.ranges and len(token.properties) == 1:
        return rf"\{'P' if token.negated else 'p'}{{{token.properties[0]}}}"
    body = "".join(_write_range(bounds, engine) for bounds in token.ranges)
    body += "".join(rf"\p{{{name}}}" for name in token.properties)
    if not body:
        # An empty class matches nothing; every engine knows this spelling.
        return rf"[^\x00-{_write_character(MAXIMUM_CODE_POINT, engine)}]"
    return f"[{'^' if token.negated else ''}{body}]"


def _write_range(bounds: Range, engine: str) -> str:
    low, high = bounds
    if low == high:
        return _write_character(low, engine)
    # UTF-16 surrogates are no characters: Rust and Hyperscan refuse a bound inside them, not a range across.
    return f"{_write_character(low, engine)}-{_write_character(high, engine)}"


def _write_character(code: int, engine: str) -> str:
    character = chr(code)
    if character.isascii() and character.isalnum():
        return character
    if 0x20 <= code < 0x7F:
        if character in "<>/\"' &~#" and engine == "polars":
            return character if character not in "&~#" else f"\\{character}"
        return f"\\{character}" if character in _SPECIAL else character
    if engine == "regex":
        return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"
    return f"\\x{{{code:x}}}"

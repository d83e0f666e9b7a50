"""What each kind of masked value looks like, and which part of what a scan finds is to be masked.

A scan (Rust's regex, over a column) finds candidates; `find` then looks at each distinct candidate. Scans find rather
too much than too little: a separator that goes with a value is no loss, a value that stays is.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import polars as pl

from parsers.events.masks.mask_token import KEY_LINE, TOKEN_PATTERN, TOKEN_WORDS, find_tokens


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a candidate to be masked: from `start` to `end`; `value` is what a hash is made of.

    `before` and `after` stand around what replaces it.
    """

    start: int
    end: int
    value: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a kind are found. `hint`: whether a text may hold one at all, cheaply."""

    name: str
    pattern: str
    hint: Callable[[pl.Expr], pl.Expr]
    find: Callable[[str], tuple[Found, ...]]


# ---- e-mail: RFC 5321 4.1.2, as far as logs write it; the @ of URLs (%40) and of JSON (\u0040) as well.
_AT = r"(?:@|%40|\\+u0040)"
_LOCAL = r"""(?:[^\s@"'<>()\[\]{},;:=\\/|&?\x00-\x1f]|\\+u[0-9A-Fa-f]{4})+"""
_DOMAIN = r"(?:[\p{L}\p{M}\p{N}_\x{fffd}-]+\.)+\p{L}[\p{L}\p{M}\p{N}\x{fffd}-]*[\p{L}\p{N}\x{fffd}]"
_EMAIL = rf"""(?:\\+[nrtbf])?(?:"[^"\n]{{1,64}}"|(?:[\w.%-]+\+[\w.%+-]*=)?{_LOCAL}){_AT}{_DOMAIN}"""
_ESCAPE = re.compile(r"\\+[nrtbf]")


def _find_email(text: str) -> tuple[Found, ...]:
    # An escaped line end is not told from a backslash and a letter of the address: it becomes a blank.
    escape = _ESCAPE.match(text)
    value = text[escape.end() :] if escape else text
    address = re.sub(r"%40|\\+u0040", "@", value).lower()
    return (Found(0, len(text), address, " " if escape else ""),)


# ---- addresses
_IPV4 = r"[0-9]+(?:\.[0-9]+){3,}"
_IPV6 = r"[G-Zg-z_]?[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9]+)?"
_MAX_IPV6 = 120


def _find_ipv4(text: str) -> tuple[Found, ...]:
    parts = text.split(".")
    # Five parts are an address with a port, as tcpdump writes it; more are a number of another kind.
    if len(parts) > 5 or any(len(part) > 3 or int(part) > 255 for part in parts[:4]):
        return ()
    end = len(".".join(parts[:4]))
    return (Found(0, end, ".".join(str(int(part)) for part in parts[:4])),)


def _find_ipv6(text: str) -> tuple[Found, ...]:
    inside = text[:1] in _NO_HEX and text[:1] != ":"
    body = text[1:] if inside else text
    shift = len(text) - len(body)
    if len(body) > _MAX_IPV6 or not any(character.isdigit() for character in body):
        return ()
    starts = [0, 1, *(found.end() for found in re.finditer(":", body))]
    ends = [len(body), *(found.start() for found in re.finditer(r"[:.%]", body))][::-1]
    for start in sorted(set(starts)):
        for end in sorted({end for end in ends if end > start + 2}, reverse=True):
            try:
                address = ipaddress.IPv6Address(body[start:end])
            except ValueError:
                continue
            return (Found(shift + start, len(text) if "%" in text else shift + end, str(address)),)
    return ()


_NO_HEX = frozenset("GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz_")


# ---- payment cards: ISO/IEC 7812, 13 to 19 digits with Luhn's check digit, in groups or not.
_CARD = r"[0-9](?:[ -]?[0-9]){12,}"
_GROUP = re.compile(r"[0-9]+")
_LUHN: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_card(digits: str) -> bool:
    """Whether digits may be a card's: number of digits, check digit, and a first digit that cards have.

    No card begins with 0, and with 1 only those of 15 digits: UNIX times in ms, us and ns begin so.
    """
    if not 13 <= len(digits) <= 19 or digits[0] == "0" or (digits[0] == "1" and len(digits) != 15):
        return False
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(_LUHN[int(digit)] for digit in even)) % 10 == 0


def _find_cards(text: str) -> tuple[Found, ...]:
    """Groups of digits that together are a card; a date before them belongs to the candidate, not to the card."""
    groups = [(found.start(), found.end()) for found in _GROUP.finditer(text)]
    marked: list[tuple[int, int]] = []
    for first in range(len(groups)):
        digits = ""
        for last in range(first, len(groups)):
            digits += text[groups[last][0] : groups[last][1]]
            # Blanks or dashes, not both: a date before a number is none of its groups.
            if len(digits) > 19 or len(set(text[groups[first][0] : groups[last][1]]) & {" ", "-"}) > 1:
                break
            if is_card(digits):
                marked.append((groups[first][0], groups[last][1]))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(marked):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(Found(start, end, re.sub("[ -]", "", text[start:end])) for start, end in joined)


def _find_token(text: str) -> tuple[Found, ...]:
    return tuple(
        Found(start, end, text[start:end].strip("\"'\\"), quote, quote)
        for start, end, quote in find_tokens(text)
        if end > start
    )


def _find_all(text: str) -> tuple[Found, ...]:
    return (Found(0, len(text), text),)


KINDS: Final[Mapping[str, Kind]] = {
    "email": Kind("email", _EMAIL, lambda text: text.str.contains(_AT), _find_email),
    "ipv4": Kind("ipv4", _IPV4, lambda text: text.str.contains(_IPV4), lru_cache(65_536)(_find_ipv4)),
    "ipv6": Kind("ipv6", _IPV6, lambda text: text.str.contains(_IPV6), lru_cache(65_536)(_find_ipv6)),
    "card": Kind("card", _CARD, lambda text: text.str.contains(_CARD), _find_cards),
    "token": Kind(
        "token",
        TOKEN_PATTERN,
        lambda text: (
            text.str.contains_any(list(TOKEN_WORDS), ascii_case_insensitive=True)
            | text.str.contains(KEY_LINE)
        ),
        _find_token,
    ),
}


def build_custom(pattern: str) -> Kind:
    """The kind of a mask with its own pattern: all that it matches."""
    return Kind("custom", pattern, lambda text: text.str.contains(pattern), _find_all)


def check_pattern(pattern: str) -> tuple[str, str] | None:
    """What is wrong with a pattern of the kind `custom` and how to mend it; None when nothing is."""
    try:
        matches_nothing = bool(pl.Series([""]).str.contains(pattern).item())
    except pl.exceptions.ComputeError as error:
        said = [
            line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")
        ]
        return f"cannot be used: {said[0] if said else 'no regex'}", "write it as Rust's regex takes it"
    if matches_nothing:
        return "matches an empty text", "let it match at least one character"
    return None

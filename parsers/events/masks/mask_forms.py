"""What stands in place of a masked value: while rules read the line a value of its shape, in the end its word."""

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from parsers.model import MaskHow

_WORD: Final = "zqmask"
# Below this a value of the same shape could be part of anything in the line.
_SHORTEST_SHAPE: Final = 6
_LARGEST: Final = 99_999


def to_final(kind: str, how: MaskHow, value: str, key: bytes) -> str:
    """`[email]`, or `[email:9f86d081]`: the first eight digits of HMAC-SHA256 over kind and value with the key."""
    if how == "redact":
        return f"[{kind}]"
    return (
        f"[{kind}:{hmac.digest(key, f'{kind}:{value}'.encode(errors='surrogatepass'), 'sha256').hex()[:8]}]"
    )


@lru_cache(maxsize=65_536)
def to_stand_in(kind: str, value: str, mask: int, number: int) -> str:
    """A text that rules take as they would take the value, and that tells nothing of it.

    `mask` and `number` make it the only one of its event; it does not depend on the value but for its shape.
    """
    mask, number = mask % 90, number % _LARGEST
    match kind:
        case "email":
            return f"zq{mask + 10}x{number:05d}@masked.invalid"
        case "ipv4":
            return f"240.{mask + 100}.{100 + number // 150 % 150}.{100 + number % 150}"
        case "ipv6":
            return (
                f"100::f{mask + 10}:{number + 0x10000:x}"[:20]
                if number > 0xFFF
                else f"100::f{mask + 10}:f{number:03x}"
            )
        case "card":
            return _fill_digits(value, f"9{mask + 10}{number:05d}")
        case "custom" if sum(letter.isascii() and letter.isalnum() for letter in value) >= _SHORTEST_SHAPE:
            return _to_shape(value, mask, number)
        case _:
            return f"{_WORD}{mask + 10}x{number:05d}"


def _fill_digits(value: str, digits: str) -> str:
    """The digits in the places of the value's, the last repeated; separators stay."""
    left = iter(digits + "0" * len(value))
    return "".join(next(left) if character.isdigit() else character for character in value)


def _to_shape(value: str, mask: int, number: int) -> str:
    """Digits for digits and letters for letters, in their case; all else as it is, unless it is beyond ASCII."""
    shape = "".join(_classify(character) for character in value)
    stream = hashlib.shake_128(f"{mask} {number} {shape}".encode()).digest(len(value))
    return "".join(
        chr(_BASES[character] + byte % _RANGES[character]) if character in _BASES else character
        for character, byte in zip(shape, stream, strict=True)
    )


_BASES: Final = {"0": 48, "a": 97, "A": 65}
_RANGES: Final = {"0": 10, "a": 26, "A": 26}


def _classify(character: str) -> str:
    if not character.isascii():
        return "a"
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character

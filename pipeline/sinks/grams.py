"""What a segment says of the pieces that its texts are made of, so that a search leaves out what cannot hold a word.

A bitmap of hashed pieces of four bytes, of which every second is taken: a text of five bytes or more that stands
somewhere in the segment covers one run of its pieces, from its first byte or from its second, and all of these are
noted. So a text of which both runs lack a piece stands nowhere. Case is folded by one bit of every byte, which makes
some other characters equal too; that, and hashes that meet, can only have a segment read in vain.
"""

import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

GRAMS_KEY = "tailrace.grams"
"""Where a segment's metadata has them."""

_FORM = "1:"
_PIECE = 4
_STRIDE = 2
_FOLD = 0x20202020
_FACTOR = 0x9E3779B1
_LEAST_BITS, _MOST_BITS = 10, 18
# So much of the text as a core's cache holds, and of the hashes.
_JOINED_ROWS = 2_000
_HASHED = 1 << 15
# The letters beyond ASCII that a comparison without regard to case takes for s and k.
_FOREIGN = "[\u017f\u212a]"


@dataclass(frozen=True, slots=True)
class Grams:
    """The pieces of a segment's texts: a bitmap of 2 ** `bits` bits, the lowest of a byte first."""

    bits: int
    bitmap: bytes

    def may_hold(self, text: str) -> bool:
        """Whether one of the texts may contain this one, in upper or lower case; False is certain."""
        return all(
            self._may_hold_run(run)
            for run in re.findall(rb"[\x00-\x7f]+", text.encode(errors="surrogateescape"))
        )

    def _may_hold_run(self, run: bytes) -> bool:
        if len(run) < _PIECE + _STRIDE - 1:
            return True
        return any(
            all(self._has(run[at : at + _PIECE]) for at in range(start, len(run) - _PIECE + 1, _STRIDE))
            for start in range(_STRIDE)
        )

    def _has(self, piece: bytes) -> bool:
        folded = int.from_bytes(piece, "little") | _FOLD
        place = (folded * _FACTOR & 0xFFFFFFFF) >> (32 - self.bits)
        return bool(self.bitmap[place >> 3] >> (place & 7) & 1)


def build_grams(texts: Iterable[pl.Series]) -> str | None:
    """The pieces of these columns, as `load_grams` reads them; None where nothing certain can be told.

    So it is where a column is not of text, or where a letter beyond ASCII counts as one of ASCII.
    """
    import numpy as np  # whoever only searches needs no arrays

    columns = list(texts)
    if any(column.dtype != pl.String for column in columns):
        return None
    pieces = sum(int(column.str.len_bytes().sum()) for column in columns) // _STRIDE
    bits = min(max(pieces.bit_length(), _LEAST_BITS), _MOST_BITS)
    seen = np.zeros(1 << bits, np.uint8)
    for column in columns:
        for start in range(0, len(column), _JOINED_ROWS):
            part = column.slice(start, _JOINED_ROWS)
            data = part.str.join("\n").cast(pl.Binary)[0]
            if not data.isascii() and part.str.contains(_FOREIGN).any():
                return None
            _note(data, bits, seen)
    return _FORM + b64encode(zlib.compress(np.packbits(seen, bitorder="little").tobytes(), 1)).decode()


def load_grams(text: str | None) -> Grams | None:
    """What `build_grams` gave; None for what it did not, which may be damaged: then nothing is known."""
    if text is None or not text.startswith(_FORM):
        return None
    try:
        bitmap = zlib.decompress(b64decode(text.removeprefix(_FORM), validate=True))
    except (ValueError, zlib.error):
        return None
    bits = len(bitmap).bit_length() + 2
    return Grams(bits, bitmap) if 1 << bits == len(bitmap) * 8 else None


def _note(data: bytes, bits: int, seen: "npt.NDArray[np.uint8]") -> None:
    import numpy as np

    for values in _to_pieces(data):
        for start in range(0, len(values), _HASHED):
            places = values[start : start + _HASHED] | np.uint32(_FOLD)
            places *= np.uint32(_FACTOR)
            places >>= np.uint32(32 - bits)
            seen[places] = 1


def _to_pieces(data: bytes) -> "Iterator[npt.NDArray[np.uint32]]":
    import numpy as np

    for start in range(0, _PIECE, _STRIDE):
        if len(data) >= start + _PIECE:
            yield np.frombuffer(data, "<u4", (len(data) - start) // _PIECE, start)

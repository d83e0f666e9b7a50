from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a stream's bytes become text. `mark` is the byte order mark it began with (empty: none)."""

    name: Literal["utf-8", "utf-16-le", "utf-16-be"] = "utf-8"
    mark: bytes = b""

    @property
    def unit(self) -> int:
        """Bytes of the smallest unit: line ends stand at multiples of it."""
        return 1 if self.name == "utf-8" else 2

    @property
    def newline(self) -> bytes:
        """The bytes that end a line."""
        return "\n".encode(self.name)

    @property
    def carriage_return(self) -> bytes:
        """The bytes that may stand before `newline` and then belong to the line end."""
        return "\r".encode(self.name)


_MARKED = (
    Encoding("utf-8", b"\xef\xbb\xbf"),
    Encoding("utf-16-le", b"\xff\xfe"),
    Encoding("utf-16-be", b"\xfe\xff"),
)


def detect_encoding(head: bytes) -> Encoding | None:
    """Tell the encoding of a stream from its first bytes; None when they could still become a byte order mark.

    Without a mark a stream is UTF-8. Three bytes are always enough; what a stream has that ends earlier is UTF-8.
    """
    for encoding in _MARKED:
        if head.startswith(encoding.mark):
            return encoding
    if any(encoding.mark.startswith(head) for encoding in _MARKED):
        return None
    return Encoding()

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.sources.encodings import Encoding, detect_encoding

BLOCK_BYTES = 8 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a stream: `offset` is the place of the first byte, counted after decompression.

    The last line lacks its line end when the stream ended there, or when the line was cut for its length.
    """

    offset: int
    data: bytes
    encoding: Encoding


class LineCutter:
    """Cuts the chunks of one stream into blocks of whole lines, whatever the chunks' sizes.

    A line longer than `max_line_bytes` is cut into pieces of that size (never inside a character), each a line
    of its own: nothing is lost and memory stays bounded. Where chunks begin and end changes nothing but the
    grouping of lines into blocks. `offset` is the place of the first byte that no block has given yet.
    A class, since the unfinished line and its place move together.
    """

    def __init__(
        self, offset: int = 0, encoding: Encoding | None = None, max_line_bytes: int = MAX_LINE_BYTES
    ) -> None:
        if max_line_bytes < 8:
            raise ValueError(f"max_line_bytes is {max_line_bytes}; a line needs room for at least 8 bytes")
        self.offset = offset
        self.encoding = encoding
        self._limit = max_line_bytes - max_line_bytes % 2
        self._parts: list[bytes | memoryview] = []
        self._held = 0
        self._half = b""

    @property
    def held_bytes(self) -> int:
        """Bytes of the unfinished line, which begins at `offset`."""
        return self._held + len(self._half)

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Take the stream's next bytes; give the lines that they finish. To be exhausted before the next call."""
        if self.encoding is None:
            chunk = self._take_held() + chunk
            self.encoding = detect_encoding(chunk)
            if self.encoding is None:
                self._hold(chunk)
                return
        if self.encoding.unit == 2:
            chunk = self._half + chunk
            even = len(chunk) - len(chunk) % 2
            chunk, self._half = chunk[:even], chunk[even:]
        for start in range(0, len(chunk), self._limit):
            # No line inside a piece of this size can be too long; only the one that is held can.
            yield from self._cut(chunk[start : start + self._limit], self.encoding)

    def finish(self) -> Iterator[Block]:
        """Give the last line when no line end follows it. The cutter then stands at the stream's end."""
        encoding = self.encoding = self.encoding or Encoding()
        self._hold(self._half)
        self._half = b""
        yield from self._shorten(encoding)
        if self._held:
            yield self._give(self._take_held(), encoding)

    def _cut(self, chunk: bytes, encoding: Encoding) -> Iterator[Block]:
        first, last = _find_line_ends(chunk, encoding)
        if not first:
            self._hold(chunk)
            yield from self._shorten(encoding)
            return
        content = first - encoding.unit
        if self._held + content > self._limit:
            self._hold(chunk[:content])
            yield from self._shorten(encoding)
            chunk, last = chunk[content:], last - content
        # A view: what is held is put together once, and a chunk is megabytes.
        self._hold(memoryview(chunk)[:last])
        yield self._give(self._take_held(), encoding)
        self._hold(chunk[last:])

    def _shorten(self, encoding: Encoding) -> Iterator[Block]:
        """Give pieces of the unfinished line until the rest of it is within the limit."""
        if self._held <= self._limit:
            return
        data = self._take_held()
        start = 0
        while len(data) - start > self._limit:
            end = _find_character_start(data, start + self._limit, encoding)
            yield self._give(data[start:end], encoding)
            start = end
        self._hold(data[start:])

    def _give(self, data: bytes, encoding: Encoding) -> Block:
        block = Block(self.offset, data, encoding)
        self.offset += len(data)
        return block

    def _hold(self, data: bytes | memoryview) -> None:
        if data:
            self._parts.append(data)
            self._held += len(data)

    def _take_held(self) -> bytes:
        data = b"".join(self._parts)
        self._parts, self._held = [], 0
        return data


def _find_line_ends(data: bytes, encoding: Encoding) -> tuple[int, int]:
    """Where the first and the last finished line of aligned data end, after their line ends; 0 when none does."""
    newline, unit = encoding.newline, encoding.unit
    first, last = data.find(newline), data.rfind(newline)
    # A line end between two units is none: it is half of two other characters.
    while first >= 0 and first % unit:
        first = data.find(newline, first + 1)
    while last >= 0 and last % unit:
        last = data.rfind(newline, 0, last + unit - 1)
    return (first + unit, last + unit) if first >= 0 else (0, 0)


def _find_character_start(data: bytes, position: int, encoding: Encoding) -> int:
    """The nearest place at or before `position` where a character begins; `position` itself in broken text."""
    if encoding.unit == 1:
        for start in range(position, position - 4, -1):
            if not 0x80 <= data[start] < 0xC0:
                return start
        return position
    high = position + (encoding.name == "utf-16-le")
    return position - 2 if high < len(data) and 0xDC <= data[high] < 0xE0 else position

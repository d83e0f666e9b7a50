import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import zstandard


class Decompressor(Protocol):
    """What the decompressors of the standard library and of zstandard have in common."""

    @property
    def eof(self) -> bool:
        """True when the compressed stream has come to its end."""

    @property
    def unused_data(self) -> bytes:
        """What followed that end."""

    def decompress(self, data: bytes, /) -> bytes:
        """Take compressed bytes, give what they hold."""


@dataclass(frozen=True, slots=True)
class Format:
    """A form of compression, known by the first bytes of a file and never by its name."""

    name: str
    magic: bytes
    build: Callable[[], Decompressor]


class DecompressionError(Exception):
    """Compressed data that is broken or ends too early. `str()` says which."""


FORMATS = (
    Format("gzip", b"\x1f\x8b\x08", lambda: zlib.decompressobj(wbits=31)),
    Format("zstd", b"\x28\xb5\x2f\xfd", lambda: zstandard.ZstdDecompressor().decompressobj()),
    Format("bzip2", b"BZh", bz2.BZ2Decompressor),
    Format("xz", b"\xfd7zXZ\x00", lzma.LZMADecompressor),
)
# A log line may begin with "BZh"; a bzip2 file goes on with its level and the first six digits of pi or of its root.
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_FEED_BYTES = 32 * 1024
_ERRORS = (zlib.error, OSError, lzma.LZMAError, zstandard.ZstdError)


def is_decided(head: bytes) -> bool:
    """Say whether a stream's first bytes are enough for `detect_format`: ten always are, one nearly always."""
    return len(head) >= 10 or not any(form.magic.startswith(head[: len(form.magic)]) for form in FORMATS)


def detect_format(head: bytes) -> Format | None:
    """Tell from its first bytes how a stream is compressed; None for plain bytes."""
    for form in FORMATS:
        if head.startswith(form.magic):
            return form if form.name != "bzip2" or head[4:10] in _BZIP2_BLOCKS else None
    return None


def decompress(chunks: Iterable[bytes | None], form: Format) -> Iterator[bytes | None]:
    """Decompress a stream of one or more members, in memory bounded by the input's chunks.

    Raises DecompressionError after the last sound bytes when the data is broken, ends too early, or goes on with
    something else. Zero bytes after a member are padding. None, a pause of the stream, is passed on.
    """
    decompressor: Decompressor | None = None
    for chunk in _cut(chunks):
        if chunk is None:
            yield None
        data = chunk or b""
        while data:
            if decompressor is None:
                # The magic bytes of a next member may be cut by the chunk; the decompressor checks them then.
                data = data.lstrip(b"\0")
                if not data:
                    break
                if not (data.startswith(form.magic) or form.magic.startswith(data)):
                    raise DecompressionError(f"something that is not {form.name} follows the compressed data")
                decompressor = form.build()
            try:
                content = decompressor.decompress(data)
            except _ERRORS as error:
                raise DecompressionError(f"its {form.name} data is broken ({error})") from error
            if content:
                yield content
            data = b""
            if decompressor.eof:
                data, decompressor = decompressor.unused_data, None
    if decompressor is not None:
        raise DecompressionError(
            f"its {form.name} data ends too early; the file may be cut off or still be written"
        )


def _cut(chunks: Iterable[bytes | None]) -> Iterator[bytes | None]:
    """Small bites: a few kilobytes of compressed zeros can be gigabytes."""
    for chunk in chunks:
        if chunk is None:
            yield None
            continue
        for start in range(0, len(chunk), _FEED_BYTES):
            yield chunk[start : start + _FEED_BYTES]

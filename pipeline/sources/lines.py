from base64 import b64encode
from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from pipeline.sources.blocks import Block
from pipeline.sources.encodings import Encoding

INVALID_TEXT_TAG = "_invalid_utf8"
SCHEMA = pl.Schema({"event.original": pl.String, "log.offset": pl.Int64, "_size": pl.Int64})


def read_lines(block: Block) -> pl.DataFrame:
    r"""Turn a block into a frame of its physical lines, in order.

    Columns: `event.original` String (without line end: `\n` or `\r\n`; a lone `\r` is content), `log.offset` Int64
    (place of the line's first byte in the decompressed stream), `_size` Int64 (bytes with the line end; the sizes of
    a stream's lines add up to its length). A byte order mark counts in the first line's size, not in its text.
    Where bytes are no text in the stream's encoding, they become U+FFFD and two more columns are there:
    `tailrace.original_base64` (the line's bytes) and `tags` (`_invalid_utf8`), null for the lines that are sound.
    """
    if not block.data:
        return pl.DataFrame(schema=SCHEMA)
    mark = len(block.encoding.mark) if block.offset == 0 else 0
    text = _decode(block.data[mark:], block.encoding)
    return _read_broken_lines(block, mark) if text is None else _read_sound_lines(text, block, mark)


def join_frames(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Put line frames one below the other; columns that only some of them have are null for the others."""
    held = list(frames)
    return held[0] if len(held) == 1 else pl.concat(held, how="diagonal")


def _decode(data: bytes, encoding: Encoding) -> pl.Series | None:
    """The text as one value; None where it is none."""
    try:
        if encoding.unit == 1:
            # Without a detour by Python's own text, which would be two more copies.
            return pl.Series([data], dtype=pl.Binary).cast(pl.String)
        return pl.Series([data.decode(encoding.name)], dtype=pl.String)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        return None


def _read_sound_lines(text: pl.Series, block: Block, mark: int) -> pl.DataFrame:
    unit = block.encoding.unit
    lines = text.str.split("\n").explode()
    is_ended = block.data.endswith(block.encoding.newline)
    if is_ended:
        lines = lines.head(-1)
    sizes = _count_units(lines, unit).to_numpy().astype(np.int64) * unit + unit
    sizes[0] += mark
    if not is_ended:
        sizes[-1] -= unit
    if b"\r" in block.data:
        ended = lines if is_ended else lines.head(-1)
        # Only one \r belongs to the line end, and only where a \n follows it.
        lines = pl.concat((ended.str.strip_suffix("\r"), lines.tail(len(lines) - len(ended))))
    return _to_frame(lines, sizes, block.offset)


def _count_units(lines: pl.Series, unit: int) -> pl.Series:
    if unit == 1:
        return lines.str.len_bytes()
    # Characters beyond the basic plane take two units of UTF-16.
    return lines.str.len_chars() + lines.str.count_matches(r"[\x{10000}-\x{10FFFF}]")


def _to_frame(lines: pl.Series, sizes: np.ndarray, offset: int) -> pl.DataFrame:
    offsets = np.cumsum(sizes) - sizes + offset
    return pl.DataFrame({"event.original": lines, "log.offset": offsets, "_size": sizes}, schema=SCHEMA)


def _read_broken_lines(block: Block, mark: int) -> pl.DataFrame:
    """Decode line by line: only blocks with invalid bytes pay for it."""
    texts: list[str] = []
    sizes: list[int] = []
    originals: list[str | None] = []
    for raw in _split_lines(block.data, block.encoding):
        content = _strip_line_end(raw, block.encoding)[0 if texts else mark :]
        try:
            texts.append(content.decode(block.encoding.name))
            originals.append(None)
        except UnicodeDecodeError:
            texts.append(content.decode(block.encoding.name, "replace"))
            originals.append(b64encode(content).decode("ascii"))
        sizes.append(len(raw))
    frame = _to_frame(pl.Series(texts, dtype=pl.String), np.array(sizes, dtype=np.int64), block.offset)
    return frame.with_columns(
        pl.Series("tailrace.original_base64", originals, dtype=pl.String),
        pl.Series(
            "tags",
            [None if original is None else [INVALID_TEXT_TAG] for original in originals],
            dtype=pl.List(pl.String),
        ),
    )


def _split_lines(data: bytes, encoding: Encoding) -> Iterator[bytes]:
    """The lines of aligned data with their line ends."""
    values = np.frombuffer(data[: len(data) - len(data) % encoding.unit], dtype=_numpy_type(encoding))
    start = 0
    for end in ((np.flatnonzero(values == ord("\n")) + 1) * encoding.unit).tolist():
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]


def _strip_line_end(line: bytes, encoding: Encoding) -> bytes:
    if len(line) % encoding.unit or not line.endswith(encoding.newline):
        return line
    line = line[: -encoding.unit]
    return line.removesuffix(encoding.carriage_return)


def _numpy_type(encoding: Encoding) -> str:
    return {"utf-8": "u1", "utf-16-le": "<u2", "utf-16-be": ">u2"}[encoding.name]

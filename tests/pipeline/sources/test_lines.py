from base64 import b64decode

import polars as pl
import pytest

from pipeline.sources.blocks import LineCutter
from pipeline.sources.encodings import Encoding, detect_encoding
from pipeline.sources.lines import join_frames, read_lines


def read(data: bytes, chunk: int = 1 << 20, max_line_bytes: int = 1 << 20) -> pl.DataFrame:
    cutter = LineCutter(max_line_bytes=max_line_bytes)
    blocks = [block for at in range(0, len(data), chunk) for block in cutter.feed(data[at : at + chunk])]
    blocks += cutter.finish()
    return join_frames([read_lines(block) for block in blocks]) if blocks else pl.DataFrame()


def texts(data: bytes, **options: int) -> list[str]:
    return read(data, **options)["event.original"].to_list()


def test_lines_have_their_place_and_their_size() -> None:
    frame = read(b"one\ntwo\xc3\xa4\n\nlast")

    assert frame["event.original"].to_list() == ["one", "twoä", "", "last"]
    assert frame["log.offset"].to_list() == [0, 4, 10, 11]
    assert frame["_size"].to_list() == [4, 6, 1, 4]


def test_nothing_gives_no_line() -> None:
    assert read(b"").is_empty()


def test_one_carriage_return_belongs_to_the_line_end_and_only_there() -> None:
    assert texts(b"a\r\nb\r\r\nc\rd\ne\r") == ["a", "b\r", "c\rd", "e\r"]
    assert read(b"a\r\nb\r\r\nc\rd\ne\r")["_size"].to_list() == [3, 4, 4, 2]


def test_control_characters_stay() -> None:
    assert texts(b"a\x00b\n\x1b[31mred\x1b[0m\n") == ["a\x00b", "\x1b[31mred\x1b[0m"]


def test_bytes_that_are_no_text_keep_beside_their_replacement() -> None:
    frame = read(b"good \xc3\xa4\nbad \xff\xfe\x80\r\ngood\n\xc3")

    assert frame["event.original"].to_list() == ["good ä", "bad \ufffd\ufffd\ufffd", "good", "\ufffd"]
    assert frame["log.offset"].to_list() == [0, 8, 17, 22]
    assert frame["tags"].to_list() == [None, ["_invalid_utf8"], None, ["_invalid_utf8"]]
    originals = frame["tailrace.original_base64"].to_list()
    assert [text and b64decode(text) for text in originals] == [None, b"bad \xff\xfe\x80", None, b"\xc3"]


def test_a_byte_order_mark_is_counted_but_is_no_text() -> None:
    frame = read(b"\xef\xbb\xbfone\ntwo\n")

    assert frame["event.original"].to_list() == ["one", "two"]
    assert frame["log.offset"].to_list() == [0, 7]


@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_with_a_mark_is_read_with_offsets_in_bytes(encoding: str, chunk: int) -> None:
    lines = ["one\r\n", "zwei ä\n", "\u0a0a\u0a00\u000d\U0001f600\n", "\n", "end"]
    mark = "\ufeff".encode(encoding)

    frame = read(mark + "".join(lines).encode(encoding), chunk=chunk)

    assert frame["event.original"].to_list() == ["one", "zwei ä", "\u0a0a\u0a00\u000d\U0001f600", "", "end"]
    sizes = [len(line.encode(encoding)) for line in lines]
    assert frame["_size"].to_list() == [sizes[0] + 2, *sizes[1:]]
    assert frame["log.offset"].to_list() == [0, *(2 + sum(sizes[:at]) for at in range(1, 5))]


def test_broken_utf16_keeps_its_bytes() -> None:
    frame = read(b"\xff\xfe" + "a\n".encode("utf-16-le") + b"\x00\xd8\n\x00" + b"b\x00c")

    assert frame["event.original"].to_list() == ["a", "\ufffd", "b\ufffd"]
    assert frame["_size"].sum() == 2 + 4 + 4 + 3
    assert b64decode(frame["tailrace.original_base64"][1]) == b"\x00\xd8"


def test_a_line_beyond_the_limit_comes_in_pieces_and_nothing_is_lost() -> None:
    line = "ä" * 10 + "b" * 5

    for chunk in (1, 7, 1000):
        frame = read(f"x\n{line}\ny\n".encode(), chunk=chunk, max_line_bytes=8)

        assert frame["event.original"].to_list() == ["x", "ääää", "ääää", "ääbbbb", "b", "y"]
        assert frame["_size"].to_list() == [2, 8, 8, 8, 2, 2]


def test_a_line_as_long_as_the_limit_stays_whole() -> None:
    assert texts(b"12345678\n123456789\n", max_line_bytes=8) == ["12345678", "12345678", "9"]


def test_pieces_of_bytes_that_are_no_text_have_the_limits_size() -> None:
    frame = read(b"\x80" * 20, max_line_bytes=8)

    assert frame["_size"].to_list() == [8, 8, 4]


def test_a_stream_without_mark_is_utf8() -> None:
    assert detect_encoding(b"a") == Encoding()
    assert detect_encoding(b"") is None
    assert detect_encoding(b"\xff") is None
    assert detect_encoding(b"\xef\xbb") is None
    assert detect_encoding(b"\xef\xbbx") == Encoding()


def test_the_unfinished_line_has_a_place_and_a_size() -> None:
    cutter = LineCutter()

    assert [block.data for block in cutter.feed(b"one\ntw")] == [b"one\n"]
    assert (cutter.offset, cutter.held_bytes) == (4, 2)


def test_ten_megabytes_are_one_line() -> None:
    frame = read(b"x" * 10_000_000 + b"\nend\n", chunk=1 << 16, max_line_bytes=10_485_760)

    assert frame["_size"].to_list() == [10_000_001, 4]
    assert frame["event.original"].str.len_bytes().to_list() == [10_000_000, 3]

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.blocks import LineCutter
from pipeline.sources.lines import SCHEMA, join_frames, read_lines

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.text(max_size=8).map(str.encode),
        st.sampled_from(
            [b"\n", b"\r\n", b"\n\n", b"\xc3", b"\xe2\x82", b"\x00", b"a line\n", b"\xff\xfe", b"\n\x00"]
        ),
    ),
    max_size=20,
).map(b"".join)
MARKS = st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])


def read(data: bytes, sizes: list[int], max_line_bytes: int) -> pl.DataFrame:
    cutter = LineCutter(max_line_bytes=max_line_bytes)
    frames: list[pl.DataFrame] = [pl.DataFrame(schema=SCHEMA)]
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        frames.extend(read_lines(block) for block in cutter.feed(data[at : at + size]))
        at, turn = at + size, turn + 1
    frames.extend(read_lines(block) for block in cutter.finish())
    frame = join_frames(frames)
    for name, kind in (("tailrace.original_base64", pl.String), ("tags", pl.List(pl.String))):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=kind).alias(name))
    return frame


@given(MARKS, PIECES, st.sampled_from([8, 9, 64, 1 << 20]))
def test_every_byte_is_in_exactly_one_line(mark: bytes, data: bytes, limit: int) -> None:
    frame = read(mark + data, [1 << 20], limit)

    assert frame["_size"].sum() == len(mark + data)
    assert frame["log.offset"].to_list() == (frame["_size"].cum_sum() - frame["_size"]).to_list()
    assert (frame["_size"] > 0).all()


@given(
    MARKS, PIECES, st.lists(st.integers(1, 9), min_size=1, max_size=5), st.sampled_from([8, 9, 64, 1 << 20])
)
def test_where_the_stream_is_cut_changes_nothing(
    mark: bytes, data: bytes, sizes: list[int], limit: int
) -> None:
    assert read(mark + data, sizes, limit).equals(read(mark + data, [1 << 20], limit))


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=10), max_size=10
    )
)
def test_lines_come_back_as_they_were_written(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).removeprefix("\ufeff")
    written = text.split("\n")[:-1]

    assert read(text.encode(), [5], 1 << 20)["event.original"].to_list() == written

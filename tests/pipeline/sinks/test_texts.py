import polars as pl
import pytest

from pipeline.sinks.texts import is_message_inside


def to_frame(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={"event.original": pl.String, "message": pl.String}, orient="row")


@pytest.mark.parametrize(
    ("frame", "is_inside"),
    [
        (to_frame(("a b", "b"), ("c d", "d")), True),
        (to_frame(("a b c", "b"), ("c.d", ".")), True),
        (to_frame(("a b", "b"), ("x y z", "y"), ("q", None)), True),
        (to_frame(("a b", "B")), False),
        (to_frame(("a b", "b"), ("a", "b")), False),
        (to_frame((None, "b")), False),
        (to_frame(*[("a b", "b")] * 400, (r"\n", "\n")), False),
        (to_frame(*[("b a", "b")] * 400, ("b", "c")), False),
        (to_frame(("a", "a")).drop("message"), False),
        (to_frame(("1", "1")).with_columns(pl.lit(1).alias("message")), False),
    ],
)
def test_it_is_told_whether_every_message_stands_in_its_text(frame: pl.DataFrame, is_inside: bool) -> None:
    assert is_message_inside(frame) is is_inside

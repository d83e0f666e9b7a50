import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from parsers.events.columns import (
    drop_columns,
    fill_from,
    find_codes,
    find_texts,
    plan_codes,
    put_columns,
    repeat_value,
    to_places,
)
from parsers.events.values.literal import repeat_literal, to_literal
from parsers.model import Value

FRAME = pl.DataFrame({"a": ["x", None], "b": [1, 2]})


def test_columns_go_in_the_place_of_those_of_their_name_and_behind_the_others() -> None:
    put = put_columns(FRAME, [pl.Series("c", [True, False]), pl.Series("a", ["y", "z"])])

    assert put.to_dict(as_series=False) == {"a": ["y", "z"], "b": [1, 2], "c": [True, False]}
    assert FRAME["a"].to_list() == ["x", None]


def test_a_frame_without_columns_takes_the_height_of_what_is_put_into_it() -> None:
    assert put_columns(pl.DataFrame(), [repeat_value("a", "x", 3)]).height == 3


def test_one_and_true_are_repeated_as_what_they_are() -> None:
    assert repeat_value("a", 1, 2).to_list() == [1, 1]
    assert repeat_value("a", True, 2).dtype == pl.Boolean
    assert repeat_value("a", 1, 1).dtype == pl.Int64


@pytest.mark.parametrize("value", ["x", 1, True, 1.5, ["a", "b"], [1], [True], [1.5, 2.5], []])
def test_a_literal_is_repeated_as_its_expression_says(value: Value) -> None:
    expected = pl.select(pl.int_range(3).alias("n")).with_columns(to_literal("a", value))["a"]

    assert_series_equal(repeat_literal("a", value, 3), expected)


def test_texts_are_found_among_categories() -> None:
    codes = find_codes(pl.Series(["b", None, "c", "a"]), plan_codes(pl.Enum(["a", "b"])))

    assert codes.to_list() == [1, None, None, 0]
    assert codes.dtype == pl.UInt32


def test_all_columns_can_be_dropped() -> None:
    assert drop_columns(FRAME, {"a", "nobody"}).columns == ["b"]
    assert drop_columns(FRAME, {"a", "b"}).width == 0
    assert FRAME.columns == ["a", "b"]


def test_texts_are_found_by_name_and_type() -> None:
    assert find_texts(FRAME, "a") is not None
    assert find_texts(FRAME, "b") is None
    assert find_texts(FRAME, "c") is None


def test_nulls_are_filled_from_another_column() -> None:
    assert fill_from(FRAME["a"], pl.Series(["p", "q"])).to_list() == ["x", "q"]


def test_places_are_an_index() -> None:
    assert FRAME[to_places(np.array([1, 0, 1]))]["b"].to_list() == [2, 1, 2]

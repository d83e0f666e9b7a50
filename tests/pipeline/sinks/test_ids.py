import polars as pl
import pytest

from pipeline.sinks.ids import drop_repeated, find_spans, hash_ids
from pipeline.stages.identity import with_identity


def to_ids(offsets: list[int], origin: str = "a") -> pl.Series:
    lines = pl.DataFrame(
        {"_origin": [origin] * len(offsets), "_offset": offsets, "event.original": ["x"] * len(offsets)}
    )
    return with_identity(lines)["_id"]


def test_a_hash_stands_for_a_set_of_ids() -> None:
    ids = to_ids([1, 2, 3])

    assert hash_ids(ids) == hash_ids(ids.reverse())
    assert len({hash_ids(part) for part in (ids, ids.head(2), ids.tail(2), to_ids([1, 2, 4]))}) == 4
    assert len(hash_ids(ids)) == 16


def test_the_last_row_of_a_repeated_id_stays_in_its_place() -> None:
    frame = pl.DataFrame({"_id": ["a", "b", "a", "c"], "n": [1, 2, 3, 4]})

    left, digest = drop_repeated(frame)

    assert left["n"].to_list() == [2, 3, 4]
    assert digest == hash_ids(left["_id"])
    assert drop_repeated(frame.tail(3))[0].equals(frame.tail(3))


@pytest.mark.parametrize("last", [7, 10**12 - 1, 10**12, 3 * 10**15])
def test_spans_are_the_first_and_the_last_offset_of_each_origin(last: int) -> None:
    first, second = to_ids([5, last, 6]), to_ids([8], "b")
    origins = [ids[0].partition("-")[0] for ids in (first, second)]

    assert find_spans(pl.concat((first, second))) == {origins[0]: (5, last), origins[1]: (8, 8)}


@pytest.mark.parametrize("last", [7, 10**12 - 1, 10**12])
def test_spans_of_one_origin_are_told_in_whatever_order_its_ids_come(last: int) -> None:
    ids = to_ids([6, last, 5])

    assert find_spans(ids) == {ids[0].partition("-")[0]: (5, last)}


def test_ids_of_another_form_have_the_spans_that_can_be_told() -> None:
    assert find_spans(pl.Series(["app-12-x", "app-7-y", "none", "0123456789abcdef-00000000001x-1"])) == {
        "app": (7, 12),
        "0123456789abcdef": (1, 1),
    }

import polars as pl
import pytest

from pipeline.stages.identity import to_file_origin, to_partition_origin, with_identity

ACCESS_LOG = to_file_origin("9f2b6a1e", "2049:1234", "/var/log/nginx/access.log")
PARTITION = to_partition_origin("logs.raw", 3)


def lines(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["event.original", "_origin", "_offset"], orient="row")


def test_ids_are_the_same_in_every_version() -> None:
    """Golden values: an index written by an older version holds them."""
    frame = lines(
        ("GET /", ACCESS_LOG, 633),
        ("", ACCESS_LOG, 0),
        ("GET /", PARTITION, 633),
        ("ü\x00", PARTITION, 12345678901234),
    )

    assert with_identity(frame)["_id"].to_list() == [
        "d88689c5e6e8eeb1-000000000633-9982078011712863443",
        "d88689c5e6e8eeb1-000000000000-3244421341483603138",
        "bf10d85bb1325978-000000000633-9982078011712863443",
        "bf10d85bb1325978-12345678901234-2073090228493048886",
    ]


def test_id_does_not_hang_on_the_rest_of_the_batch() -> None:
    rows = [(f"line {at}", (ACCESS_LOG, PARTITION)[at % 2], at) for at in range(50)]

    whole = with_identity(lines(*rows))["_id"].to_list()
    single = [with_identity(lines(row))["_id"].item() for row in rows]

    assert single == whole
    assert len(set(whole)) == len(rows)


@pytest.mark.parametrize(
    "other",
    [
        ("GET /x", ACCESS_LOG, 633),
        ("GET /", ACCESS_LOG, 634),
        ("GET /", to_file_origin("9f2b6a1e", "2049:1235", "/var/log/nginx/access.log"), 633),
        ("GET /", to_file_origin("other", "2049:1234", "/var/log/nginx/access.log"), 633),
        ("GET /", to_file_origin("9f2b6a1e", "2049:1234", "/var/log/nginx/error.log"), 633),
    ],
    ids=["text", "offset", "inode", "owner", "path"],
)
def test_every_part_of_an_origin_counts(other: tuple[str, str, int]) -> None:
    both = with_identity(lines(("GET /", ACCESS_LOG, 633), other))["_id"]

    assert both.n_unique() == 2


def test_parts_of_an_origin_do_not_run_together() -> None:
    assert to_file_origin("a", "b", "c") != to_file_origin("a", "", "bc")
    assert to_partition_origin("t1", 2) != to_partition_origin("t", 12)


def test_names_of_the_columns_are_the_callers() -> None:
    frame = lines(("GET /", ACCESS_LOG, 633)).rename({"_offset": "log.offset", "_origin": "_file"})

    found = with_identity(frame, origin="_file", offset="log.offset")

    assert found["_id"].to_list() == ["d88689c5e6e8eeb1-000000000633-9982078011712863443"]
    assert found.drop("_id").equals(frame)


def test_empty_batch_stays_empty() -> None:
    assert with_identity(lines(("x", PARTITION, 1)).clear())["_id"].to_list() == []

from pathlib import Path

import pytest

from pipeline.cores import count_cores, read_quota


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000\n", None), ("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000", 1), ("", None)],
)
def test_a_quota_of_a_container_is_read(tmp_path: Path, text: str, cores: int | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(text)
    assert read_quota(path) == cores


def test_no_more_cores_are_counted_than_the_quota_grants(tmp_path: Path) -> None:
    path = tmp_path / "cpu.max"
    path.write_text("10000 100000")
    assert count_cores(path) == 1
    assert count_cores(tmp_path / "none") >= 1
    path.write_text("100000000 100000")
    assert count_cores(path) == count_cores(tmp_path / "none")

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings.units import parse_bytes, parse_seconds, to_bytes_text, to_seconds_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("500ms", 0.5), ("5m", 300), ("2 h", 7200), ("1d", 86400), ("1.5", 1.5)],
)
def test_durations_are_read_with_and_without_a_unit(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("5MB", 5_000_000), ("8MiB", 8_388_608), ("1_000", 1000), ("500kb", 500_000), ("7B", 7)],
)
def test_sizes_are_read_in_decimal_and_binary_units(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "s", "-5s", "10 parsecs", "1e3", "5s5m", "10MB"])
def test_what_is_no_duration_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|is not a duration") as error:
        parse_seconds(text)
    assert repr(text) in str(error.value)


@given(st.integers(min_value=1, max_value=10**13))
def test_a_size_survives_being_written_and_read(size: int) -> None:
    assert parse_bytes(to_bytes_text(size)) == size


@given(st.one_of(st.integers(min_value=0, max_value=10**7), st.sampled_from([0.25, 0.5, 1.5, 2.75])))
def test_a_duration_survives_being_written_and_read(seconds: float) -> None:
    assert parse_seconds(to_seconds_text(seconds)) == seconds

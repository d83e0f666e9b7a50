import json

import pytest

from tests.pipeline.stages.envelopes import KAFKA_TIME, READ_TIME, decode_one


@pytest.mark.parametrize(
    "time",
    [
        "2026-07-01T10:00:00.123Z",
        "2026-07-01T10:00:00.123999999Z",
        "2026-07-01T12:00:00.123+02:00",
        "2026-07-01 10:00:00.123",
        "2026-07-01 10:00:00.123 +0000",
        "1782900000.123",
        1782900000.123,
        1782900000123,
        1782900000123456,
        1782900000123456789,
    ],
)
@pytest.mark.parametrize("key", ["@timestamp", "timestamp", "time", "date"])
def test_times(key: str, time: str | float) -> None:
    assert decode_one({"message": "m", key: time})["_time"] == READ_TIME


@pytest.mark.parametrize("time", ["yesterday", "", "2026-13-01T00:00:00Z", 1e300, -1e25, "1e999", "nan"])
def test_what_is_no_time_stays_as_a_label(time: str | float) -> None:
    line = decode_one({"message": "m", "timestamp": time})

    assert line["_time"] == KAFKA_TIME
    assert "event.created" not in line
    assert line["labels.time"] == (time if isinstance(time, str) else json.dumps(time).replace("e+", "e"))

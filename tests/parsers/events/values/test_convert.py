import polars as pl
import pytest

from parsers.events.values.convert import build_mapper, convert_types, is_address, map_values
from parsers.model import ValueMap


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("1.2.3.4", True), ("255.255.255.255", True), ("256.1.1.1", False), ("1.2.3", False), ("::1", True),
        ("fe80::1%eth0", False), ("2001:db8::8a2e:370:7334", True), ("1:2", False), ("web-1", False),
        ("", False),         ("01.2.3.4", False), ("::ffff:1.2.3.4", True),
    ],
)  # fmt: skip
def test_addresses(text: str, valid: bool) -> None:
    assert is_address(pl.Series([text]))[0] is valid


def test_types_come_from_the_rule_then_from_ecs() -> None:
    frame = pl.DataFrame(
        {"process.pid": ["12", "x"], "a": ["1", "2"], "b": ["1.5", "inf"], "c": ["Yes", "maybe"]}
    )

    converted = convert_types(frame, {"a": "long", "b": "double", "c": "boolean"}, frame.columns)

    assert converted.to_dict(as_series=False) == {
        "process.pid": [12, None], "a": [1, 2], "b": [1.5, None], "c": [True, None],
    }  # fmt: skip


def test_what_is_no_address_moves_beside_the_ip_field() -> None:
    frame = pl.DataFrame({"source.ip": ["1.2.3.4", "web-1", None]})

    converted = convert_types(frame, {}, frame.columns)

    assert converted["source.ip"].to_list() == ["1.2.3.4", None, None]
    assert converted["source.address"].to_list() == [None, "web-1", None]


def test_a_map_in_place_keeps_what_it_does_not_list() -> None:
    frame = pl.DataFrame({"log.level": ["W", "info", None]})

    mapped = map_values(frame, [build_mapper(ValueMap("log.level", "log.level", {"W": "warning"}))])

    assert mapped["log.level"].to_list() == ["warning", "info", None]


def test_a_map_from_another_field_compares_as_text_and_has_a_default() -> None:
    frame = pl.DataFrame({"status": [200, 500, None]})
    rule = ValueMap("event.outcome", "status", {"200": "success"}, "unknown")

    assert map_values(frame, [build_mapper(rule)])["event.outcome"].to_list() == [
        "success",
        "unknown",
        "unknown",
    ]
    assert (
        map_values(frame.drop("status"), [build_mapper(rule)])["event.outcome"].to_list() == ["unknown"] * 3
    )


def test_a_map_may_give_numbers() -> None:
    frame = pl.DataFrame({"p": ["a", "b"]})

    assert map_values(frame, [build_mapper(ValueMap("n", "p", {"a": 1}))])["n"].to_list() == [1, None]

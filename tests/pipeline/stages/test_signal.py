"""Which events give signals, and how signals travel."""

import random
import zlib
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.burst_model import BurstFilter, BurstRule
from parsers.frames import Block, ParsedBatch
from pipeline.stages.signal import SIGNAL_SCHEMA, build_signaller
from pipeline.stages.signal_codec import SignalError, decode_signals, encode_signals, split_signals
from pipeline.stages.watermark import Progress

ERRORS = BurstRule(
    "errors",
    threshold=1,
    filter=(BurstFilter("log.level", ("error",)),),
    group_by=("host.name", "event.dataset"),
)


def to_block(events: list[dict[str, Any]], rule: str | None = "app", dataset: str = "app") -> Block:
    rows: list[dict[str, Any]] = [
        {"_id": f"id-{index}", "_time": 7_000, "@timestamp": index * 1000, "event.dataset": dataset} | event
        for index, event in enumerate(events)
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    return Block(rule, dataset, frame.with_columns(pl.col("@timestamp").cast(pl.Datetime("ms", "UTC"))))


def signal(rule: BurstRule, *blocks: Block) -> pl.DataFrame:
    found = build_signaller([rule])(ParsedBatch(blocks, sum(block.frame.height for block in blocks)))
    assert dict(found.schema) == SIGNAL_SCHEMA
    return found


def matched(item: BurstFilter, values: list[Any]) -> list[Any]:
    """The values of the filter's field whose events give a signal."""
    rule = BurstRule("rule", threshold=1, filter=(item,))
    found = signal(rule, to_block([{item.field: value} for value in values]))
    return [values[time // 1000] for time in found["time"]]


def test_a_matching_event_gives_rule_group_time_and_id() -> None:
    block = to_block([{"log.level": "info", "host.name": "a"}, {"log.level": "error", "host.name": "a"}])

    found = signal(ERRORS, block)

    assert found.select("rule", "group", "time").rows() == [
        ("errors", '{"event.dataset":"app","host.name":"a"}', 1000)
    ]
    assert found["id"].to_list() == signal(ERRORS, block)["id"].to_list()


def test_a_group_field_that_is_null_or_missing_is_left_out_of_the_group() -> None:
    null = to_block([{"log.level": "error", "host.name": None}, {"log.level": "error", "host.name": "a"}])
    missing = to_block([{"log.level": "error"}])

    groups = signal(ERRORS, null, missing)["group"].to_list()

    assert groups == [
        '{"event.dataset":"app"}',
        '{"event.dataset":"app","host.name":"a"}',
        '{"event.dataset":"app"}',
    ]


@pytest.mark.parametrize(
    "value", ['say "hi"', "back\\slash", "tab\tnew\nline", "ümläut 日本", "\x00\x1f", "{}"]
)
def test_groups_are_json_whatever_their_values_hold(value: str) -> None:
    found = signal(ERRORS, to_block([{"log.level": "error", "host.name": value}]))

    assert msgspec.json.decode(found["group"].item()) == {"event.dataset": "app", "host.name": value}


def test_groups_of_numbers_lists_and_no_field_at_all() -> None:
    rule = BurstRule("rule", threshold=1, group_by=("process.pid", "tags"))
    found = signal(rule, to_block([{"process.pid": 7, "tags": ["x", "y"]}]))

    assert found["group"].to_list() == ['{"process.pid":7,"tags":["x","y"]}']
    assert signal(BurstRule("all", threshold=1), to_block([{}]))["group"].to_list() == ["{}"]


def test_values_match_as_they_are_whatever_type_the_column_has() -> None:
    assert matched(BurstFilter("f", ("error", "crit")), ["error", "Error", "errors", None, "crit"]) == [
        "error",
        "crit",
    ]
    assert matched(BurstFilter("f", (500, "502")), [500, 501, 502, None]) == [500, 502]
    assert matched(BurstFilter("f", (500,)), ["500", "5000", None]) == ["500"]
    assert matched(BurstFilter("f", (1.5,)), [1.5, 2.5]) == [1.5]
    assert matched(BurstFilter("f", (True,)), [True, False, None]) == [True]


@pytest.mark.parametrize(
    ("glob", "values", "expected"),
    [
        ("time*", ["timeout", "a time", "time\nout"], ["timeout", "time\nout"]),
        ("*timed out*", ["it timed out!", "timed  out"], ["it timed out!"]),
        ("h?t", ["hat", "hot", "heat"], ["hat", "hot"]),
        ("[ab]c", ["ac", "bc", "cc"], ["ac", "bc"]),
        ("[!ab]c", ["ac", "cc"], ["cc"]),
        ("[a-c]", ["b", "d", "-"], ["b"]),
        ("[[]x*", ["[x] y", "x"], ["[x] y"]),
        ("a.b#c-d ~&*", ["a.b#c-d ~&!", "axb#c-d ~&!"], ["a.b#c-d ~&!"]),
        ("*", ["", "x"], ["", "x"]),
    ],
)
def test_globs_match_whole_values(glob: str, values: list[str], expected: list[str]) -> None:
    assert matched(BurstFilter("f", globs=(glob,)), values) == expected


def test_globs_and_values_of_one_filter_are_alternatives() -> None:
    item = BurstFilter("f", ("a",), ("b*", "c*"))

    assert matched(item, ["a", "ab", "bb", "cc", "d"]) == ["a", "bb", "cc"]


def test_comparisons_must_all_hold_and_read_numbers_in_texts() -> None:
    item = BurstFilter("http.response.status_code", bounds={"gte": 500, "lt": 600})

    assert matched(item, [499, 500, 599, 600, None]) == [500, 599]
    assert matched(item, ["499", "503", "n/a", None]) == ["503"]
    assert matched(BurstFilter("f", bounds={"gt": 1, "lte": 2.5}), [1, 2, 2.5, 3]) == [2, 2.5]


def test_a_list_matches_if_one_of_its_elements_does() -> None:
    assert matched(BurstFilter("tags", ("x",)), [["x"], ["y", "x"], ["y"], [], None]) == [["x"], ["y", "x"]]
    assert matched(BurstFilter("tags", globs=("_*failure",)), [["_dateparsefailure"], ["x"]]) == [
        ["_dateparsefailure"]
    ]


def test_all_filters_must_match() -> None:
    rule = BurstRule("rule", threshold=1, filter=(BurstFilter("a", (1,)), BurstFilter("b", (2,))))
    block = to_block([{"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": None, "b": 2}])

    assert signal(rule, block)["time"].to_list() == [0]


def test_blocks_of_other_rules_and_datasets_and_without_the_field_match_nothing() -> None:
    event = {"log.level": "error"}
    rule = BurstRule("rule", threshold=1, rules=("nginx_error",), datasets=("nginx.*", "app"))

    assert signal(rule, to_block([event], "nginx_error", "nginx.error")).height == 1
    assert signal(rule, to_block([event], "nginx_error", "app")).height == 1
    assert signal(rule, to_block([event], "other", "nginx.error")).height == 0
    assert signal(rule, to_block([event], None, "nginx.error")).height == 0
    assert signal(rule, to_block([event], "nginx_error", "apache.error")).height == 0
    assert signal(ERRORS, to_block([{"message": "x"}])).height == 0


def test_an_event_without_a_time_counts_at_its_records_and_without_both_not_at_all() -> None:
    block = to_block([{"log.level": "error", "@timestamp": None}, {"log.level": "error", "@timestamp": 1}])

    assert signal(ERRORS, block)["time"].to_list() == [7_000, 1]
    bare = Block(block.rule, block.dataset, block.frame.drop("_time"))
    assert signal(ERRORS, bare)["time"].to_list() == [1]


def test_without_ids_events_are_told_apart_by_path_offset_and_text() -> None:
    event = {"log.level": "error", "log.file.path": "/x", "event.original": "boom"}
    block = to_block([event | {"log.offset": 1}, event | {"log.offset": 2}, event | {"log.offset": 1}])
    ids = signal(ERRORS, Block("app", "app", block.frame.drop("_id")))["id"].to_list()

    assert ids[0] == ids[2] != ids[1]


def test_an_empty_batch_gives_an_empty_frame() -> None:
    assert signal(ERRORS).height == 0
    assert signal(ERRORS, Block("app", "app", pl.DataFrame())).height == 0


frames = st.lists(
    st.tuples(
        st.sampled_from(["errors", "other"]),
        st.text(max_size=5),
        st.integers(-(2**62), 2**62),
        st.integers(0, 2**64 - 1),
    ),
    max_size=20,
).map(lambda rows: pl.DataFrame(rows, schema=SIGNAL_SCHEMA, orient="row"))
progresses = st.builds(
    Progress,
    partition=st.integers(0, 9),
    partitions=st.integers(10, 99),
    watermark=st.none() | st.integers(-(2**62), 2**62),
    idle=st.booleans(),
)


@settings(max_examples=50, deadline=None)
@given(progresses, frames, st.sampled_from(["uncompressed", "lz4", "zstd"]))
def test_a_record_is_read_as_it_was_written(
    progress: Progress, frame: pl.DataFrame, compression: Any
) -> None:
    read, signals = decode_signals(encode_signals(progress, frame, compression))

    assert read == progress
    assert signals.equals(frame)
    assert dict(signals.schema) == SIGNAL_SCHEMA


@settings(max_examples=50, deadline=None)
@given(frames, st.integers(1, 5))
def test_every_row_goes_to_one_partition_and_a_group_always_to_the_same(
    frame: pl.DataFrame, partitions: int
) -> None:
    parts = split_signals(frame, partitions)

    assert len(parts) == partitions
    assert sorted(pl.concat(parts).rows()) == sorted(frame.rows())
    homes = [
        (key, index) for index, part in enumerate(parts) for key in set(part.select("rule", "group").rows())
    ]
    assert len(homes) == len({key for key, _ in homes})
    for index, part in enumerate(parts):
        assert split_signals(part, partitions)[index].equals(part)


def test_a_group_lives_where_it_always_did() -> None:
    # Partitions are part of the format: another hash would split a group over two of them during an update.
    rows = [("errors", f'{{"host.name":"{name}"}}', 0, 0) for name in "abcdefgh"]
    parts = split_signals(pl.DataFrame(rows, schema=SIGNAL_SCHEMA, orient="row"), 4)

    assert [part.height for part in parts] == [1, 2, 2, 3]


RECORD = encode_signals(
    Progress(0, 1, 5), pl.DataFrame([("errors", "{}", 1, 2)], schema=SIGNAL_SCHEMA, orient="row")
)


def seal(record: bytes) -> bytes:
    return b"%08x " % zlib.crc32(record) + record


def test_damaged_records_are_errors_and_never_more_than_that() -> None:
    # Seeded, and many: without the checksum some of these abort the whole process.
    source = random.Random(1)
    for _ in range(2_000):
        damaged = bytearray(RECORD)
        damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
        if source.random() < 0.3:
            damaged = damaged[: source.randrange(len(damaged))]
        with pytest.raises(SignalError):
            decode_signals(bytes(damaged))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"hello", "damaged, or none of ours"),
        (seal(b"hello"), "header cannot be read"),
        (seal(b"\xff\xfe\n"), "header cannot be read"),
        (seal(b'{"v":9,"partition":0,"partitions":1}\n'), "version 9"),
        (seal(b'{"v":1,"partition":3,"partitions":2}\n'), "raw partition 3 of 2"),
        (seal(b'{"v":1,"partition":0,"partitions":1,"rows":2}\n'), "cannot be read"),
        (
            seal(b'{"v":1,"partition":0,"partitions":1,"rows":2}\n' + RECORD.partition(b"\n")[2]),
            "announces 2",
        ),
    ],
)
def test_a_record_that_is_none_says_why(value: bytes | None, reason: str) -> None:
    with pytest.raises(SignalError, match=reason):
        decode_signals(value)


def test_an_arrow_stream_of_something_else_is_an_error() -> None:
    other = pl.DataFrame({"x": [1]}).write_ipc_stream(None).getvalue()

    with pytest.raises(SignalError, match="not those of signals"):
        decode_signals(seal(b'{"v":1,"partition":0,"partitions":1,"rows":1}\n' + other))

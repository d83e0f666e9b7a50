"""What was fetched is let go of at once, not when the garbage collector comes by."""

import gc
import weakref

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from pipeline.kafka.drain import OpenResult


class FetchResult:
    """As much of aiokafka's as holds the records: the rest needs a consumer."""

    def __init__(self, records: PartitionRecords) -> None:
        self._partition_records = records


def fetch_one_record() -> PartitionRecords:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 16_384)
    builder.append(0, 1_700_000_000_000, b"key", b"value", [])
    records = MemoryRecords(bytes(builder.build()))
    return PartitionRecords(TopicPartition("logs.raw", 0), records, [], 0, None, None, False, 0)


def is_freed_without_the_collector(*, opened: bool) -> bool:
    records = fetch_one_record()
    alive = weakref.ref(records)
    result = FetchResult(records)
    del records
    gc.disable()
    try:
        if opened:
            OpenResult(result)
        del result
        return alive() is None
    finally:
        gc.enable()


def test_an_opened_result_frees_what_was_fetched_with_its_last_reference() -> None:
    assert is_freed_without_the_collector(opened=True)


def test_aiokafkas_own_result_keeps_it_in_a_circle() -> None:
    assert not is_freed_without_the_collector(opened=False), "the workaround in drain.py is no longer needed"

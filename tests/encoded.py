"""What the parse stage encodes for Kafka, read again."""

from functools import partial
from typing import Any

from pipeline.agents.parsing import Encode, Parsed
from pipeline.kafka.encode import encode_records, read_batch

ENCODE: Encode = partial(encode_records, compression=None, size=900_000)


def read_documents(parsed: Parsed) -> list[Any]:
    """Objects with `key`, `value` and `timestamp`, in the order of the documents."""
    return [record for batch in parsed.documents for record in read_batch(batch)]

"""From parsed blocks to documents with their addresses: the last pure step before a sink."""

from functools import lru_cache

import polars as pl

from parsers.document import to_documents
from parsers.events.columns import put_columns, repeat_value
from parsers.events.times.times import UTC_MILLISECONDS
from parsers.frames import Block, ParsedBatch

# Elasticsearch, data stream naming: these may not be in a name, and a `-` would end the dataset's part of it.
_FORBIDDEN = r'[\\/*?"<>| ,#:\-]+'
DATASET_LIMIT = 100


@lru_cache(maxsize=4096)
def to_dataset_name(dataset: str) -> str:
    """A dataset as it may stand in a data stream's name: lower case, forbidden characters as `_`."""
    return _clean_names(pl.Series([dataset]))[0] or "generic"


def _clean_names(datasets: pl.Series) -> pl.Series:
    return datasets.str.to_lowercase().str.replace_all(_FORBIDDEN, "_").str.slice(0, DATASET_LIMIT)


def with_origin(block: Block, namespace: str, ruleset: str) -> Block:
    """Adds where a document goes and what made it.

    `data_stream.*` and `_stream` name the data stream `logs-<dataset>-<namespace>`; `rule.version` (ECS) is the short
    hash of the rule set.
    """
    height = block.frame.height
    if block.rule is not None:
        name = to_dataset_name(block.dataset)
        dataset = repeat_value("data_stream.dataset", name, height)
        stream = repeat_value("_stream", f"logs-{name}-{namespace}", height)
    else:
        dataset = _clean_names(block.frame["event.dataset"]).alias("data_stream.dataset")
        stream = ("logs-" + dataset + f"-{namespace}").alias("_stream")
    # What is the same in every row costs a tenth of a plan this way, and there is a block for every rule of a batch.
    columns = [
        repeat_value("data_stream.type", "logs", height),
        dataset,
        repeat_value("data_stream.namespace", namespace, height),
        repeat_value("rule.version", ruleset, height),
        stream,
    ]
    return Block(block.rule, block.dataset, put_columns(block.frame, columns))


def build_documents(batch: ParsedBatch) -> pl.DataFrame:
    """All documents of a batch in input order.

    Returns:
        `_row` UInt32, `_id` String (if the batch had ids), `_stream` String, `_time` Int64 (event time, epoch
        ms), `document` String (JSON).
    """
    schema = {
        "_row": pl.UInt32,
        "_id": pl.String,
        "_stream": pl.String,
        "_time": pl.Int64,
        "document": pl.String,
    }
    parts = []
    for block in batch.blocks:
        keys = [name for name in ("_row", "_id", "_stream") if name in block.frame.columns]
        time = block.frame["@timestamp"].cast(UTC_MILLISECONDS).to_physical().alias("_time")
        parts.append(put_columns(block.frame[keys], [time, to_documents(block.frame)]))
    return pl.concat(parts).sort("_row") if parts else pl.DataFrame(schema=schema)

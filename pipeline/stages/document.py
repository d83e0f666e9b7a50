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
    return (
        pl.Series([dataset]).str.to_lowercase().str.replace_all(_FORBIDDEN, "_")[0][:DATASET_LIMIT]
        or "generic"
    )


def with_origin(block: Block, namespace: str, ruleset: str) -> Block:
    """Adds where a document goes and what made it.

    `data_stream.*` and `_stream` name the data stream `logs-<dataset>-<namespace>`; `rule.version` (ECS) is the short
    hash of the rule set.
    """
    if block.rule is not None:
        # The same in every row: columns cost a tenth of a plan, and there is one for every rule of a batch.
        dataset = to_dataset_name(block.dataset)
        fixed = {
            "data_stream.type": "logs",
            "data_stream.dataset": dataset,
            "data_stream.namespace": namespace,
            "rule.version": ruleset,
            "_stream": f"logs-{dataset}-{namespace}",
        }
        height = block.frame.height
        columns = [repeat_value(name, value, height) for name, value in fixed.items()]
        return Block(block.rule, block.dataset, put_columns(block.frame, columns))
    named = (
        pl.col("event.dataset")
        .str.to_lowercase()
        .str.replace_all(_FORBIDDEN, "_")
        .str.slice(0, DATASET_LIMIT)
    )
    frame = block.frame.with_columns(
        pl.lit("logs").alias("data_stream.type"),
        named.alias("data_stream.dataset"),
        pl.lit(namespace).alias("data_stream.namespace"),
        pl.lit(ruleset).alias("rule.version"),
        (pl.lit("logs-") + named + f"-{namespace}").alias("_stream"),
    )
    return Block(block.rule, block.dataset, frame)


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

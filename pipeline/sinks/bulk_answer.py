"""What Elasticsearch says about each document of a `_bulk` request."""

from typing import Literal, TypeAlias

import msgspec

# All that is asked of an answer (filter_path): 76 bytes an item instead of 250. Reading it takes 0.12 µs an
# item, which is less than looking for the one refused item in another way; `_index` tells of a rollover.
ANSWER_FIELDS = (
    "errors,items.*.status,items.*._index,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
)

Fate: TypeAlias = Literal["created", "existing", "retry", "refused"]

# Answers that speak of the cluster and not of the document: missing rights or a missing index are mended by
# an operator, a full queue or a lost shard by time. Everything else from 400 to 499 is the document's fault.
_CLUSTER_STATUS = frozenset({401, 403, 404, 408, 429})
# Some of the same kind come as 400: too many shards in the cluster for a new index, a blocked index.
_CLUSTER_TYPES = frozenset(
    {"validation_exception", "cluster_block_exception", "es_rejected_execution_exception"}
)


class Cause(msgspec.Struct, gc=False):
    """Why, one level down."""

    type: str = ""
    reason: str | None = None


class ItemError(msgspec.Struct, gc=False):
    """What was wrong with one item."""

    type: str = ""
    reason: str | None = None
    caused_by: Cause | None = None


class Item(msgspec.Struct, gc=False):
    """One document's answer; `index` is the backing index it went to."""

    status: int
    index: str = msgspec.field(name="_index", default="")
    error: ItemError | None = None


class _Operation(msgspec.Struct, gc=False):
    create: Item | None = None
    delete: Item | None = None


class _Answer(msgspec.Struct, gc=False):
    errors: bool
    items: list[_Operation]


_DECODER = msgspec.json.Decoder(_Answer)


def parse_answer(body: bytes, expected: int) -> list[Item]:
    """The items of an answer, in the order sent. ValueError when it does not answer `expected` items."""
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"the answer is not that of a bulk request: {error}") from None
    items = [item for operation in answer.items if (item := operation.create or operation.delete) is not None]
    if len(items) != expected:
        raise ValueError(f"the answer speaks of {len(items)} items, {expected} were sent")
    return items


def judge_item(item: Item) -> Fate:
    """What an answer means for the document: 2xx written, 409 there already, else retried or refused."""
    if 200 <= item.status < 300:
        return "created"
    if item.status == 409:
        return "existing"
    kind = item.error.type if item.error else ""
    if item.status >= 500 or item.status in _CLUSTER_STATUS or kind in _CLUSTER_TYPES:
        return "retry"
    return "refused"


def explain_item(item: Item) -> str:
    """Elasticsearch's own words for what is wrong with an item."""
    error = item.error or ItemError()
    words = f"{item.status} {error.type}: {error.reason or 'no reason given'}"
    if error.caused_by is not None and error.caused_by.reason:
        words += f" (caused by {error.caused_by.type}: {error.caused_by.reason})"
    return words

import pytest

from pipeline.sinks.bulk_answer import Cause, Item, ItemError, explain_item, judge_item, parse_answer


def test_items_come_in_the_order_of_the_request() -> None:
    body = (
        b'{"errors":true,"items":[{"create":{"_index":"i","status":201}},'
        b'{"create":{"status":400,"error":{"type":"t","reason":"r","caused_by":{"type":"c","reason":"w"}}}}]}'
    )
    assert parse_answer(body, 2) == [
        Item(201, "i"),
        Item(400, "", ItemError("t", "r", Cause("c", "w"))),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b'{"errors":false}',
        b'{"errors":false,"items":[]}',
        b'{"errors":false,"items":[{"create":{"status":201}}',
        b'{"errors":false,"items":[{"index":{"status":201}}]}',
        b'{"errors":false,"items":[{"create":{"status":"\xff"}}]}',
    ],
)
def test_an_answer_that_does_not_speak_of_every_item_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"not that of a bulk request|were sent"):
        parse_answer(body, 1)


@pytest.mark.parametrize(
    ("status", "kind", "fate"),
    [
        (201, "", "created"),
        (200, "", "created"),
        (409, "version_conflict_engine_exception", "existing"),
        (429, "es_rejected_execution_exception", "retry"),
        (503, "unavailable_shards_exception", "retry"),
        (500, "", "retry"),
        (404, "index_not_found_exception", "retry"),
        (403, "security_exception", "retry"),
        (403, "cluster_block_exception", "retry"),
        (400, "validation_exception", "retry"),
        (400, "document_parsing_exception", "refused"),
        (400, "invalid_index_name_exception", "refused"),
        (413, "", "refused"),
    ],
)
def test_only_the_documents_own_faults_are_final(status: int, kind: str, fate: str) -> None:
    assert judge_item(Item(status, error=ItemError(kind) if kind else None)) == fate


def test_a_refusal_is_told_in_the_words_of_elasticsearch() -> None:
    item = Item(400, error=ItemError("document_parsing_exception", "no", Cause("x", "y")))
    assert explain_item(item) == "400 document_parsing_exception: no (caused by x: y)"
    assert explain_item(Item(418)) == "418 : no reason given"

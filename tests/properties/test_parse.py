"""Laws of the parse core, over the shipped rules and lines that mix real forms with noise."""

import json
from functools import cache

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import RuleSet, load_rule_set
from parsers.document import to_documents
from parsers.shipped import shipped_rules_directory

NOW = 1_795_392_000_000
FORMS = [
    '10.0.0.7 - - [22/Nov/2026:10:00:01 +0000] "GET /a?b=c HTTP/1.1" 200 512 "-" "curl/8.5"',
    '10.0.0.7 - eve [22/Nov/2026:10:00:01 +0000] "GET /a HTTP/1.1" 500 - "https://a.example/" "-"',
    "Nov 22 10:00:01 web-1 sshd[812]: Failed password for invalid user bob from 192.0.2.7 port 4242 ssh2",
    "Nov 22 10:00:01 web-1 kernel: [ 1.5] usb 1-1: new device",
    "Nov 22 10:00:01 web-1 unheard: of",
    "2026-11-22 10:00:01,123 ERROR [main] com.example.Shop - boom\n\tat com.example.Shop.buy(Shop.java:7)",
    "2026-11-22 10:00:01.123 UTC [77] eve@shop LOG:  duration: 12.5 ms",
    '{"time":"2026-11-22T10:00:01Z","level":"WARN","msg":"slow","n":5,"deep":{"x":[1,{"y":null}]}}',
    'time=2026-11-22T10:00:01Z level=info msg="a b" n=5',
    "2099-01-01T00:00:00Z INFO x",
    "\x1b[31mERROR:root:red\x1b[0m",
    "", " ", "{", "{}", "\x00\x01", "é" * 30, "a=b", "=", '{"message": 5}',
]  # fmt: skip
LINE = (
    st.sampled_from(FORMS)
    | st.text(max_size=60)
    | st.builds(
        lambda form, at, noise: form[:at] + noise + form[at:],
        st.sampled_from(FORMS),
        st.integers(0, 40),
        st.text(max_size=3),
    )
)


@cache
def load_rules() -> RuleSet:
    return load_rule_set(shipped_rules_directory())


def parse(lines: list[str]) -> list[str]:
    frame = pl.DataFrame({"event.original": pl.Series(lines, dtype=pl.String)}).with_columns(
        pl.lit(NOW).alias("_time"), pl.lit("/var/log/x.log").alias("log.file.path")
    )
    batch = load_rules().parse(frame)
    rows = [block.frame.select("_row").with_columns(to_documents(block.frame)) for block in batch.blocks]
    ordered = pl.concat(rows).sort("_row")
    assert ordered["_row"].to_list() == list(range(len(lines)))
    return ordered["document"].to_list()


@settings(max_examples=60)
@given(lines=st.lists(LINE, min_size=1, max_size=12))
def test_every_line_gives_exactly_one_document_that_holds_it(lines: list[str]) -> None:
    for line, text in zip(lines, parse(lines), strict=True):
        document = json.loads(text)

        assert document["event"]["original"] == line
        assert "message" in document
        assert ("rule" in document) != ("_unparsed" in document.get("tags", []))


@settings(max_examples=60)
@given(before=st.lists(LINE, min_size=1, max_size=6), after=st.lists(LINE, min_size=1, max_size=6))
def test_where_a_batch_is_cut_changes_nothing(before: list[str], after: list[str]) -> None:
    together = [json.loads(text) for text in parse(before + after)]
    apart = [json.loads(text) for text in parse(before) + parse(after)]

    assert together == apart

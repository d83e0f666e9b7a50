from pathlib import Path

import polars as pl

from parsers.document import to_documents
from parsers.load import parse_rules
from parsers.patterns.kept import load_parts
from parsers.patterns.store import FolderStore
from parsers.ruleset import RuleSet, build_rule_set

RULES = r"""
name: head
dataset: head
fragments: {NAME: '[a-z]+'}
patterns: ['^%{NAME:process.name}(?:\[%{INT:process.pid}\])?: (?P<message>.*)$']
---
name: one
dataset: one
after: head
when: {process.name: one}
patterns: ['^(?P<user.name>\S+) did (?P<a>\S+)$', '^(?P<message>.*) (?P<b>\d+)(?<!7)$']
---
name: two
dataset: two
after: [head, one]
field: message
patterns: ['^two (?P<c>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug) (?P<ip>%{IP:source.ip})$']
"""
LINES = [
    "one: carol did x",
    "one: something 15",
    "one: something 17",
    "one: two Apr 192.0.2.7",
    "two: two Aug ::1",
    "x",
    "",
]


def parse(rules: RuleSet) -> list[str]:
    batch = rules.parse(pl.DataFrame({"event.original": LINES, "_time": [0] * len(LINES)}))
    rows = [block.frame.select("_row").with_columns(to_documents(block.frame)) for block in batch.blocks]
    return pl.concat(rows).sort("_row")["document"].to_list()


def test_what_is_taken_over_from_an_earlier_rule_set_parses_the_same() -> None:
    changed = RULES.replace("did", "made").replace("Jan|", "Dec|Jan|")
    first = build_rule_set(parse_rules(RULES))
    first.warm_up()
    expected = parse(build_rule_set(parse_rules(changed)))

    second = build_rule_set(parse_rules(changed), earlier=first)

    assert parse(second) == expected != parse(first)
    assert parse(build_rule_set(parse_rules(RULES), earlier=second)) == parse(first)


def test_a_rule_set_built_again_reads_and_compiles_nothing() -> None:
    first = build_rule_set(parse_rules(RULES))
    first.warm_up()

    second = build_rule_set(parse_rules(RULES), earlier=first)

    assert set(second.compiled.shards) == set(first.compiled.shards)
    assert second.compiled.patterns.keys() == first.compiled.patterns.keys()
    for key, ready in second.compiled.patterns.items():
        assert ready is first.compiled.patterns[key]


def test_patterns_are_kept_in_the_store_and_come_back_the_same(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    plain = build_rule_set(parse_rules(RULES))
    build_rule_set(parse_rules(RULES), store=store).warm_up()
    assert len(load_parts(store).parts) == 4

    again = build_rule_set(parse_rules(RULES), store=store)

    assert parse(again) == parse(plain)
    for key, ready in again.compiled.patterns.items():
        assert ready.parts == plain.compiled.patterns[key].parts


def test_a_store_with_other_contents_is_not_believed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    store.save(load_parts(store).key, b"\xc1 no parts")

    assert parse(build_rule_set(parse_rules(RULES), store=store)) == parse(build_rule_set(parse_rules(RULES)))
    assert len(load_parts(store).parts) == 4

"""The reference for rule authors: its examples load and pass their tests, and it leaves no key out."""

from pathlib import Path

import pytest

from parsers.load import load_rules, parse_rules
from parsers.patterns.fragments import FRAGMENTS
from parsers.reading.read_rule import RULE_KEYS
from parsers.ruleset import build_rule_set
from parsers.shipped import shipped_rules_directory
from parsers.testing.ruletest import run_tests
from tests.docs.examples import Block, load_blocks

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "rules.md"
EXAMPLES = [block for block in load_blocks(REFERENCE) if block.language == "yaml" and "name:" in block.body]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.place)
def test_an_example_passes_its_own_tests(block: Block) -> None:
    text = block.body
    if "after: syslog" in text:
        text = (shipped_rules_directory() / "syslog.yml").read_text(encoding="utf-8") + "---\n" + text
    rules = parse_rules(text, block.place)
    names = {rule.name for rule in rules if f"name: {rule.name}\n" in block.body}
    results = [result for result in run_tests(build_rule_set(rules)) if result.rule in names]

    assert len({result.rule for result in results}) == len(names)
    assert [result for result in results if not result.passed] == []


def test_every_key_and_every_fragment_is_explained() -> None:
    text = REFERENCE.read_text(encoding="utf-8")

    assert [key for key in RULE_KEYS if f"`{key}`" not in text] == []
    assert [name for name in FRAGMENTS if f"`{name}`" not in text] == []


def test_every_shipped_rule_is_listed() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    missing = [rule.name for rule in load_rules(shipped_rules_directory()) if f"`{rule.name}`" not in text]

    assert missing == []

"""The scan that chooses patterns finds every line that a pattern matches, whatever else is in the database.

Vectorscan 5.4.12 loses matches when certain expressions share a database. Which these are changes with every rule: that
the shipped rules lose none says nothing of the database that a user's rule makes of them.
"""

import random

import numpy as np
import polars as pl
import pytest

from parsers.load import load_rule_set
from parsers.patterns.choose import Scannable, build_chooser
from parsers.ruleset import RuleSet
from parsers.shipped import shipped_rules_directory

# So few patterns that their lines are scanned as one part, as those of a user's first rules are.
SIZES = (2, 5, 10, 30)
REPEATED = 8


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load_rule_set(shipped_rules_directory())


@pytest.fixture(scope="module")
def texts(shipped: RuleSet) -> pl.Series:
    lines = {line for rule in shipped.rules for test in rule.tests for line in test.line.split("\n") if line}
    return pl.Series(sorted(lines))


def test_no_pattern_is_lost_in_the_scan_of_all_test_lines(shipped: RuleSet, texts: pl.Series) -> None:
    stage = shipped.compiled.root
    lost: list[tuple[str, str]] = []
    for group in stage.groups:
        candidates = group.chooser.find_candidates(texts)
        for place, linear in enumerate(group.chooser.linear):
            if linear is None:
                continue
            matched = texts.str.contains(linear).arg_true().to_numpy()
            found = candidates.lines[candidates.patterns == place]
            rule = shipped.rules[stage.entries[group.numbers[place]].rule].name
            lost += [(rule, texts[int(row)]) for row in np.setdiff1d(matched, found)]
    assert lost == []


def test_no_pattern_is_lost_whichever_others_share_its_database(shipped: RuleSet, texts: pl.Series) -> None:
    rows_of = {
        ready.scannable.text: (ready.scannable, rows)
        for ready in shipped.compiled.patterns.values()
        if ready.scannable.linear is not None
        and len(rows := texts.str.contains(ready.scannable.linear).arg_true().to_numpy())
    }
    chance = random.Random(20)
    lost = []
    for _ in range(100):
        # Those that begin alike share the most in a database.
        chosen = sorted(rows_of)[chance.randrange(len(rows_of)) :][: chance.choice(SIZES)]
        lost += find_lost([rows_of[text][0] for text in chosen], [rows_of[text][1] for text in chosen], texts)
    assert lost == []


def find_lost(
    patterns: list[Scannable], rows_of: list[np.typing.NDArray[np.uint32]], texts: pl.Series
) -> list[str]:
    rows = np.tile(np.unique(np.concatenate(rows_of)), REPEATED)
    candidates = build_chooser(patterns).find_candidates(texts.gather(rows))
    return [
        pattern.text
        for number, (pattern, wanted) in enumerate(zip(patterns, rows_of, strict=True))
        if len(np.unique(candidates.lines[candidates.patterns == number])) < REPEATED * len(wanted)
    ]


def test_two_forms_of_a_number_do_not_hide_each_other() -> None:
    texts = pl.Series([f"{number}:M 16 Mar 2026 09:00:00.045 - Accepted" for number in range(1, 90)])
    patterns = [
        Scannable(text, frozenset(("number",)), True, False, None)
        for text in (r"^[0-9]+:[CMSX] [0-9][^\n]*$", r"^[0-9]+: abcdefghijklmnop[0-9]+[^\n]*$")
    ]

    candidates = build_chooser(patterns).find_candidates(texts)

    assert sorted(candidates.lines) == list(range(len(texts)))

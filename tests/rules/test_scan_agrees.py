"""The scan that chooses patterns finds every line that a pattern matches.

Vectorscan is known to lose a match when certain expressions share a database; the shipped rules must not hold such.
"""

import numpy as np
import polars as pl

from parsers.load import load_rule_set
from parsers.shipped import shipped_rules_directory


def test_no_pattern_is_lost_in_the_scan_of_all_test_lines() -> None:
    rule_set = load_rule_set(shipped_rules_directory())
    lines = {line for rule in rule_set.rules for test in rule.tests for line in test.line.split("\n") if line}
    texts = pl.Series(sorted(lines))
    stage = rule_set.compiled.root
    lost: list[tuple[str, str]] = []
    for group in stage.groups:
        candidates = group.chooser.find_candidates(texts)
        for place, linear in enumerate(group.chooser.linear):
            if linear is None:
                continue
            matched = texts.str.contains(linear).arg_true().to_numpy()
            found = candidates.lines[candidates.patterns == place]
            rule = rule_set.rules[stage.entries[group.numbers[place]].rule].name
            lost += [(rule, texts[int(row)]) for row in np.setdiff1d(matched, found)]
    assert lost == []

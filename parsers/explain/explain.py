"""Explains one event: which rules were tried, how far each got, which one won, and where each field comes from."""

import json

import polars as pl

from parsers.document import to_documents
from parsers.explain.attempts import find_nearest, list_attempts
from parsers.explain.follow import follow_events
from parsers.explain.model import Explanation
from parsers.explain.origin import find_origins
from parsers.reading.read_nodes import flatten
from parsers.ruleset import RuleSet


def explain_event(rule_set: RuleSet, lines: pl.DataFrame, *, with_attempts: bool = True) -> Explanation:
    """Explains the one event of `lines`, a line frame of one row: `event.original`, and what its record knows.

    `with_attempts`: also say of each pattern that did not take the line how far it got, for which all are tried one by
    one; a second or so.
    """
    if lines.height != 1:
        raise ValueError(f"one event can be explained at a time, not {lines.height}")
    chain = follow_events(rule_set, lines)[0]
    block = rule_set.parse(lines).blocks[0]
    document = flatten(json.loads(to_documents(block.frame)[0]))
    tried = list_attempts(rule_set, lines, chain[0].rule if chain else None) if with_attempts else ()
    rules = {rule.name: rule for rule in rule_set.rules}
    context = frozenset(name for name in lines.columns if not name.startswith("_"))
    return Explanation(
        str(lines["event.original"][0]),
        block.rule,
        chain,
        tried,
        find_nearest(tried),
        find_origins(document, [(taken, rules[taken.rule]) for taken in chain], context),
    )

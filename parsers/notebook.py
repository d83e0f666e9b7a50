"""The parser for people: a list of lines in, one frame out. For notebooks, scripts and tests of rules."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from parsers.document import to_documents
from parsers.load import load_rule_set
from parsers.model import Rule
from parsers.ruleset import RuleSet, build_rule_set
from parsers.shipped import shipped_rules_directory

Rules = RuleSet | Sequence[Rule] | Path | str | None


def parse_lines(
    lines: Iterable[str], rules: Rules = None, *, time: int | None = None, timezone: str = "UTC"
) -> pl.DataFrame:
    """Parses lines to a frame, one row an event, in input order.

    Args:
        lines: events without line terminators; an event of several lines holds them with newlines between.
        rules: a rule set, rules, or a directory of rule files; None: the rules that are shipped.
        time: the record time, epoch milliseconds: supplies missing years, and times that lines do not have.
        timezone: for times that name no zone.

    Returns:
        `@timestamp`, `message`, `event.original` and all ECS fields found, flat with dotted names, null where
        a line has no such field. `rule.name` is null for lines that no rule knows.

    Raises:
        RuleError: the rules are wrong; each mistake with file:line:column.
    """
    texts = pl.Series("event.original", list(lines), dtype=pl.String)
    frame = pl.DataFrame([texts]).with_columns(pl.lit(time, dtype=pl.Int64).alias("_time"))
    parsed = open_rules(rules, timezone).parse(frame).to_frame()
    names = [name for name in parsed.columns if not name.startswith("_")]
    if "rule.name" not in names and parsed.width:
        parsed = parsed.with_columns(pl.lit(None, dtype=pl.String).alias("rule.name"))
        names.append("rule.name")
    return parsed.select(names)


def parse_documents(
    lines: Iterable[str], rules: Rules = None, *, time: int | None = None, timezone: str = "UTC"
) -> list[str]:
    """As `parse_lines`, but one nested JSON document a line."""
    texts = pl.Series("event.original", list(lines), dtype=pl.String)
    frame = pl.DataFrame([texts]).with_columns(pl.lit(time, dtype=pl.Int64).alias("_time"))
    batch = open_rules(rules, timezone).parse(frame)
    parts = [block.frame.select("_row").with_columns(to_documents(block.frame)) for block in batch.blocks]
    return pl.concat(parts).sort("_row")["document"].to_list() if parts else []


def open_rules(rules: Rules, timezone: str = "UTC") -> RuleSet:
    """Whatever names rules, compiled."""
    if isinstance(rules, RuleSet):
        return rules
    if rules is None:
        return load_rule_set(shipped_rules_directory(), timezone)
    if isinstance(rules, (str, Path)):
        return load_rule_set(Path(rules), timezone)
    return build_rule_set(rules, timezone)

"""Log lines to columns of ECS fields, by rules in YAML. No Kafka, no Elasticsearch, no clock."""

from parsers.errors import Problem, RuleError
from parsers.frames import Block, ParsedBatch
from parsers.load import load_rule_set, load_rules
from parsers.notebook import parse_documents, parse_lines
from parsers.ruleset import RuleSet, build_rule_set

__all__ = [
    "Block",
    "ParsedBatch",
    "Problem",
    "RuleError",
    "RuleSet",
    "build_rule_set",
    "load_rule_set",
    "load_rules",
    "parse_documents",
    "parse_lines",
]

"""The language of the rules as data: every key, what it may hold, and what it is for. The one source of all else."""

from parsers.reading.keys.burst_keys import BURST
from parsers.reading.keys.enrich_keys import ENRICHMENTS
from parsers.reading.keys.kinds import Key, Keys, names_of
from parsers.reading.keys.rule_keys import RULE

__all__ = ["BURST", "ENRICHMENTS", "RULE", "Key", "Keys", "names_of"]

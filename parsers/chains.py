"""Which rules stand before a rule."""

from collections.abc import Mapping

from parsers.model import Rule


def list_chain(rule: Rule, rules: Mapping[str, Rule]) -> list[str]:
    """The rule and all that it comes `after`, directly or not, itself first; parents that are missing are left out."""
    chain, waiting = [rule.name], list(rule.after)
    while waiting:
        name = waiting.pop(0)
        if name in rules and name not in chain:
            chain.append(name)
            waiting.extend(rules[name].after)
    return chain

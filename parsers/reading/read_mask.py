"""The key `mask`, of a rule and of the settings: what must not get out of an event."""

from typing import cast

from parsers.errors import Problem
from parsers.events.masks.mask_kinds import check_pattern
from parsers.model import Mask, MaskHow, MaskKind
from parsers.reading.read_names import check_field
from parsers.reading.read_nodes import read_choice, read_entries, read_items, read_text
from parsers.reading.yaml_nodes import MappingNode, Node, SequenceNode

MASK_KINDS = ("email", "ipv4", "ipv6", "card", "token", "custom")
MASK_HOWS = ("redact", "hash")
EVERY_FIELD = "*"
_KEYS = ("field", "kind", "how", "pattern")


def read_masks(node: Node, problems: list[Problem]) -> tuple[Mask, ...]:
    """One mask or a list of them; an empty list is none."""
    if isinstance(node, SequenceNode) and not node.items:
        return ()
    items = (node,) if isinstance(node, MappingNode) else read_items(node, "'mask'", problems)
    found = (_read_mask(item, problems) for item in items)
    return tuple(mask for mask in found if mask is not None)


def _read_mask(node: Node, problems: list[Problem]) -> Mask | None:
    entries = read_entries(node, _KEYS, "a mask", problems, required=("field", "kind"))
    values = {key: entry.value for key, entry in entries.items()}
    field = read_text(values["field"], "'field'", problems) if "field" in values else None
    if (
        field is not None
        and field != EVERY_FIELD
        and not check_field(field, values["field"].location, problems)
    ):
        field = None
    kind = read_choice(values["kind"], MASK_KINDS, "'kind'", problems) if "kind" in values else None
    how = read_choice(values["how"], MASK_HOWS, "'how'", problems) if "how" in values else "redact"
    pattern = read_text(values["pattern"], "'pattern'", problems) if "pattern" in values else None
    if pattern is not None and kind not in (None, "custom"):
        hint = "remove 'pattern', or write 'kind: custom'"
        problems.append(
            Problem(values["pattern"].location, f"the kind '{kind}' has a pattern of its own", hint)
        )
    if kind == "custom" and "pattern" not in values:
        hint = "add 'pattern: ...', a regular expression for what is to be masked"
        problems.append(Problem(node.location, "a mask of kind 'custom' has no 'pattern'", hint))
    if pattern is not None and kind == "custom":
        wrong = check_pattern(pattern)
        if wrong:
            problems.append(Problem(values["pattern"].location, f"the mask's pattern {wrong[0]}", wrong[1]))
            pattern = None
    if field is None or kind is None or how is None or (kind == "custom") != (pattern is not None):
        return None
    return Mask(field, cast(MaskKind, kind), cast(MaskHow, how), pattern, node.location)

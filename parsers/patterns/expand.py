"""Replaces the named fragments in a pattern, `%{NAME:field:type}`, by what they stand for."""

import difflib
import re
from collections.abc import Mapping

from parsers.patterns.tokens import PatternError

FRAGMENT_DEPTH = 20
EXPANDED_LIMIT = 65_536
_FRAGMENT = re.compile(r"%\{([A-Za-z0-9_]+)(?::([@A-Za-z0-9_.\-]+))?(?::([a-z_]+))?\}")
_TYPES = {
    "int": "long",
    "long": "long",
    "integer": "long",
    "float": "double",
    "double": "double",
    "number": "double",
    "boolean": "boolean",
    "bool": "boolean",
    "ip": "ip",
    "keyword": "keyword",
    "string": "keyword",
    "bytes": "bytes",
    "hex": "hex",
    "list": "list",
    "duration": "duration",
    "duration_ns": "duration_ns",
    "duration_us": "duration_us",
    "duration_ms": "duration_ms",
    "duration_s": "duration_s",
    "duration_min": "duration_min",
}


def expand_fragments(text: str, fragments: Mapping[str, str], depth: int = 0) -> tuple[str, dict[str, str]]:
    """Replaces `%{NAME}`, `%{NAME:field}` and `%{NAME:field:type}`; returns the text and the types named.

    Raises:
        PatternError: an unknown fragment, a fragment that holds itself, a bad type, or a text that grows too
        long.
    """
    types: dict[str, str] = {}

    def replace(found: re.Match[str]) -> str:
        name, field, kind = found.groups()
        if name not in fragments:
            near = difflib.get_close_matches(name.upper(), list(fragments), 1)
            raise PatternError(
                f"unknown fragment %{{{name}}}",
                found.start(),
                f"did you mean %{{{near[0]}}}?" if near else "define it under `fragments:`",
            )
        if depth >= FRAGMENT_DEPTH:
            raise PatternError(
                f"fragment %{{{name}}} holds itself", found.start(), "break the circle of fragments"
            )
        try:
            body, inner = expand_fragments(fragments[name], fragments, depth + 1)
        except PatternError as error:
            raise PatternError(
                f"in fragment %{{{name}}}: {error.message}", found.start(), error.hint
            ) from None
        types.update(inner)
        if field is None:
            return f"(?:{body})"
        if kind is not None:
            if kind not in _TYPES:
                raise PatternError(
                    f"unknown type '{kind}'",
                    found.start(3),
                    "one of " + ", ".join(sorted(set(_TYPES.values()))),
                )
            types[field] = _TYPES[kind]
        return f"(?P<{field}>{body})"

    expanded = _FRAGMENT.sub(replace, text)
    if len(expanded) > EXPANDED_LIMIT:
        raise PatternError(
            f"the pattern grows to {len(expanded)} characters", 0, f"keep it below {EXPANDED_LIMIT}"
        )
    return expanded, types

"""The JSON Schema (draft 7) of the language, for editors."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from parsers.reading.keys.kinds import (
    FIELD_PATTERN,
    Choice,
    Items,
    Key,
    Keys,
    Kind,
    Pairs,
    Plain,
    Text,
    Truth,
    Whole,
    Words,
)

Schema: TypeAlias = dict[str, Any]

_FIELD = {"$ref": "#/definitions/field"}
_SCALARS = ["string", "number", "boolean", "null"]


def build_schema(kind: Keys | Sequence[Keys], title: str, description: str) -> Schema:
    """The schema of one document, or of several kinds of it."""
    inner = to_schema(kind) if isinstance(kind, Keys) else {"oneOf": [to_schema(one) for one in kind]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "description": description,
        **inner,
        "definitions": {"field": {"type": "string", "pattern": FIELD_PATTERN}},
    }


def to_schema(kind: Kind) -> Schema:
    """What a value of the kind looks like."""
    match kind:
        case Text(pattern=pattern) if pattern == FIELD_PATTERN:
            return _FIELD
        case Text():
            return _write_text(kind)
        case Whole(least, most):
            bounds = {"minimum": least, "maximum": most}
            return {"type": "integer", **{word: bound for word, bound in bounds.items() if bound is not None}}
        case Truth():
            return {"type": "boolean"}
        case Words(words):
            return {"enum": list(words)}
        case Plain(is_nested):
            return {} if is_nested else {"type": _SCALARS}
        case Items(item, or_one, may_be_empty):
            inner = to_schema(item)
            several: Schema = {"type": "array", "items": inner}
            if not may_be_empty:
                several["minItems"] = 1
            return {"oneOf": [inner, several]} if or_one else several
        case Pairs():
            return _write_pairs(kind)
        case Choice(kinds):
            return {"oneOf": [to_schema(one) for one in kinds]}
        case Keys():
            return _write_keys(kind)


def _write_text(kind: Text) -> Schema:
    schema: Schema = {"type": ["string", "integer"] if kind.may_be_number else "string"}
    if kind.pattern:
        schema["pattern"] = kind.pattern
    else:
        schema["minLength"] = 1
    if kind.longest:
        schema["maxLength"] = kind.longest
    return schema


def _write_pairs(kind: Pairs) -> Schema:
    schema: Schema = {"type": "object"}
    if not kind.may_be_empty:
        schema["minProperties"] = 1
    if kind.key == "field":
        schema["propertyNames"] = _FIELD
    if kind.without:
        schema["not"] = {"required": list(kind.without)}
    value = to_schema(kind.value)
    return {**schema, "additionalProperties": value} if value else schema


def _write_keys(kind: Keys) -> Schema:
    schema: Schema = {"type": "object", "properties": {key.name: _describe(key) for key in kind.keys}}
    required = [key.name for key in kind.keys if key.is_required]
    if required:
        schema["required"] = required
    if kind.one_of:
        schema["oneOf"] = [{"required": [name]} for name in kind.one_of]
    if kind.any_of:
        schema["anyOf"] = [{"required": [name]} for name in kind.any_of]
    if kind.needs:
        schema["dependencies"] = {name: [other] for name, other in kind.needs}
    if kind.also:
        schema["propertyNames"] = _FIELD
    else:
        schema["additionalProperties"] = False
    return schema


def _describe(key: Key) -> Schema:
    text = key.says + (f" Default: {key.default}." if key.default else "")
    schema: Schema = {"description": text.replace("`", "")}
    inner = to_schema(key.kind)
    # Draft 7 ignores what stands beside a reference.
    return {**schema, "allOf": [inner]} if "$ref" in inner else {**schema, **inner}

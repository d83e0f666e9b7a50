"""The fields of the Elastic Common Schema and their types, read from the table beside this file.

Source: ECS 9.5, field reference (https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html).
"""

import functools
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

ECS_VERSION = "9.5.0"


@functools.cache
def load_field_types() -> Mapping[str, str]:
    """ECS field name -> type (`keyword`, `long`, `double`, `boolean`, `ip`, `date`, `flattened`, ...)."""
    text = resources.files("parsers").joinpath("ecs_fields.csv").read_text(encoding="utf-8")
    rows = (line.split(",") for line in text.splitlines()[1:])
    return MappingProxyType({row[0]: row[1] for row in rows})


def find_field_type(name: str) -> str:
    """The ECS type of a dotted field name; `keyword` for names that ECS does not know."""
    return load_field_types().get(name, "keyword")

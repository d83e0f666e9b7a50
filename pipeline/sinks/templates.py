"""What Elasticsearch has to know about our documents: mappings, settings and templates, as plain values.

The mappings follow the ECS field table that the parsers use. Fields that every document has are mapped
outright; the other ECS fields that are no keywords through dynamic templates, which cost nothing until a
document has the field. The component templates are the same for every installation on a cluster; what
settings decide stands in index templates named after the namespace and the bursts index.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from parsers.ecs import ECS_VERSION, load_field_types
from pipeline.settings import ElasticsearchSettings
from pipeline.settings.units import to_seconds_text

Body: TypeAlias = dict[str, Any]

MAPPINGS_NAME: Final = "tailrace-mappings"
SETTINGS_NAME: Final = "tailrace-settings"

# Above Elasticsearch's own `logs` template (100), below those of integrations for their datasets (200).
PRIORITY: Final = 150

# Field types that not every build of Elasticsearch has, and what stands in for them.
STAND_INS: Final[Mapping[str, str]] = {
    "match_only_text": "text",
    "constant_keyword": "keyword",
    "wildcard": "keyword",
}

_KEYWORD: Final = {"type": "keyword", "ignore_above": 1024}
# Free keys of unknown number and type: one field for all, so that neither the number of fields explodes nor a
# key that is a number in one document and an object in the next makes a conflict.
_FLATTENED: Final = {"type": "flattened", "ignore_above": 1024}
_DYNAMIC_TYPES: Final = (
    "match_only_text",
    "wildcard",
    "ip",
    "date",
    "boolean",
    "long",
    "double",
    "geo_point",
    "flattened",
)


def build_mappings() -> Body:
    """The mappings of the component template."""
    return {
        "date_detection": False,
        "numeric_detection": False,
        "dynamic_templates": _build_dynamic_templates(),
        "properties": {
            "@timestamp": {"type": "date"},
            "message": {"type": "match_only_text"},
            "tags": _KEYWORD,
            "labels": _FLATTENED,
            **{name: _FLATTENED for name in ("json", "logfmt", "keyvalue", "csv")},
            "cef": {"properties": {"extensions": _FLATTENED}},
            "leef": {"properties": {"attributes": _FLATTENED}},
            "winlog": {"properties": {"event_data": _FLATTENED, "user_data": _FLATTENED}},
            "data_stream": {
                "properties": {
                    "type": {"type": "constant_keyword", "value": "logs"},
                    "dataset": {"type": "constant_keyword"},
                    "namespace": {"type": "constant_keyword"},
                }
            },
            "ecs": {"properties": {"version": _KEYWORD}},
            "error": {"properties": {"message": {"type": "match_only_text"}, "type": _KEYWORD}},
            "event": {
                "properties": {
                    "created": {"type": "date"},
                    "ingested": {"type": "date"},
                    "original": {"type": "keyword", "index": False, "doc_values": False},
                    "dataset": _KEYWORD,
                    "kind": _KEYWORD,
                }
            },
            # logsdb sorts by host.name, which has to be a keyword from the first document on.
            "host": {"properties": {"name": _KEYWORD}},
            "log": {"properties": {"level": _KEYWORD, "offset": {"type": "long"}}},
            "rule": {"properties": {"name": _KEYWORD}},
            "tailrace": {
                "properties": {
                    "original_base64": {"type": "binary"},
                    "burst": {"properties": {"first": {"type": "date"}, "last": {"type": "date"}}},
                }
            },
        },
    }


def build_index_settings() -> Body:
    """The settings of the component template, as Elasticsearch gives them back: texts below `index`."""
    return {
        "index": {
            "mapping": {
                # A value that does not fit its field is left out of the index, not the document refused.
                "ignore_malformed": "true",
                "total_fields": {"ignore_dynamic_beyond_limit": "true"},
            },
        }
    }


def name_logs_template(settings: ElasticsearchSettings) -> str:
    """The name of the index template of the data streams."""
    return f"tailrace-logs-{settings.namespace}"


def build_logs_template(settings: ElasticsearchSettings) -> Body:
    """The index template of the data streams `logs-<dataset>-<namespace>`.

    Its lifecycle lets Elasticsearch roll indices over when they have grown large: data streams that this
    template takes from Elasticsearch's own `logs` would lose the rollover which that one brings. Documents
    are deleted only after `retention`, where that is set.
    """
    lifecycle: Body = {"enabled": True}
    if settings.retention is not None:
        lifecycle["data_retention"] = to_seconds_text(settings.retention)
    return {
        "index_patterns": [f"logs-*-{settings.namespace}"],
        "priority": PRIORITY,
        "data_stream": {},
        "composed_of": [MAPPINGS_NAME, SETTINGS_NAME],
        "template": {
            "settings": {"index": {"mode": settings.index_mode, **_build_copies(settings)}},
            "lifecycle": lifecycle,
        },
        "_meta": {"managed_by": "tailrace", "ecs_version": ECS_VERSION},
    }


def build_bursts_template(settings: ElasticsearchSettings) -> Body:
    """The index template of the plain index that bursts go to; it has the name of the index."""
    return {
        "index_patterns": [settings.bursts_index],
        "priority": PRIORITY,
        "composed_of": [MAPPINGS_NAME, SETTINGS_NAME],
        "template": {"settings": {"index": _build_copies(settings)}},
        "_meta": {"managed_by": "tailrace", "ecs_version": ECS_VERSION},
    }


def replace_types(mappings: Body, missing: Mapping[str, str]) -> Body:
    """The mappings with each type that is a key of `missing` replaced by its value."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        stand_in = missing.get(value["type"]) if isinstance(value.get("type"), str) else None
        if stand_in is None:
            return {key: walk(item) for key, item in value.items()}
        return dict(_KEYWORD) if stand_in == "keyword" else {"type": stand_in}

    replaced: Body = walk(mappings)
    return replaced


def _build_copies(settings: ElasticsearchSettings) -> dict[str, str]:
    return {"number_of_shards": str(settings.shards), "number_of_replicas": str(settings.replicas)}


def _build_dynamic_templates() -> list[Body]:
    types = load_field_types()
    by_type: dict[str, list[str]] = {kind: [] for kind in _DYNAMIC_TYPES}
    for name, kind in types.items():
        # `user.name.text` and its like are second ways to index `user.name`, not fields of a document.
        if kind in by_type and name.rpartition(".")[0] not in types:
            by_type[kind].append(name)
    by_type["ip"].append("*.ip")
    templates: list[Body] = [
        {
            f"ecs_{kind}": {
                "path_match": names,
                "mapping": _FLATTENED if kind == "flattened" else {"type": kind},
            }
        }
        for kind, names in by_type.items()
    ]
    return [
        *templates,
        {"strings": {"match_mapping_type": "string", "mapping": _KEYWORD}},
        # Elasticsearch would take `float`, and logsdb would then give back 82805.34 for 82805.342.
        {"numbers": {"match_mapping_type": "double", "mapping": {"type": "double"}}},
    ]

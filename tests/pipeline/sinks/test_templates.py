from collections.abc import Iterator
from typing import Any

from parsers.ecs import load_field_types
from pipeline.settings import ElasticsearchSettings
from pipeline.sinks.templates import STAND_INS, build_logs_template, build_mappings, replace_types


def list_types(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from list_types(item)
    elif isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value["type"]
        for item in value.values():
            yield from list_types(item)


def test_missing_types_are_replaced_everywhere_and_fields_called_type_stay() -> None:
    mappings = build_mappings()
    assert set(STAND_INS) <= set(list_types(mappings))
    replaced = replace_types(mappings, STAND_INS)
    assert not set(STAND_INS) & set(list_types(replaced))
    assert replaced["properties"]["message"] == {"type": "text"}
    assert replaced["properties"]["data_stream"]["properties"]["type"] == {
        "type": "keyword",
        "ignore_above": 1024,
    }
    assert replaced["properties"]["error"]["properties"]["type"] == {"type": "keyword", "ignore_above": 1024}
    assert replace_types(mappings, {}) == mappings


def test_the_mappings_never_contradict_the_ecs_table() -> None:
    types = load_field_types()
    free = {"labels"}

    def walk(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
        for name, body in properties.items():
            if "properties" in body:
                yield from walk(body["properties"], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", body["type"]

    ours = dict(walk(build_mappings()["properties"], ""))
    assert {name: kind for name, kind in ours.items() if name in types and name not in free} == {
        name: types[name] for name in ours if name in types and name not in free
    }
    for template in build_mappings()["dynamic_templates"]:
        ((name, body),) = template.items()
        wanted = {types[path] for path in body.get("path_match", ()) if path in types}
        assert wanted <= {body["mapping"]["type"]}, name


def test_the_template_takes_our_namespace_only_and_deletes_only_when_asked() -> None:
    template = build_logs_template(ElasticsearchSettings(namespace="shop"))
    assert template["index_patterns"] == ["logs-*-shop"]
    assert 100 < template["priority"] < 200
    assert template["template"]["lifecycle"] == {"enabled": True}
    kept = build_logs_template(ElasticsearchSettings(retention=36 * 3600.0))
    assert kept["template"]["lifecycle"] == {"enabled": True, "data_retention": "36h"}

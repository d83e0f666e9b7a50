"""Puts our templates and the bursts index into Elasticsearch; what is there and equal is left alone."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.settings import ElasticsearchSettings
from pipeline.sinks.elasticsearch_client import Answer, ElasticsearchClient
from pipeline.sinks.setup_step import SetupError, Step
from pipeline.sinks.templates import (
    MAPPINGS_NAME,
    SETTINGS_NAME,
    STAND_INS,
    Body,
    build_bursts_template,
    build_index_settings,
    build_logs_template,
    build_mappings,
    name_logs_template,
    replace_types,
)

_UNKNOWN_TYPE = re.compile(r"(?:mapper type|mapper found for type|handler for type) \[(\w+)\]")
_NEXT_ROLLOVER = "data streams that exist take it with their next rollover"


async def set_up_elasticsearch(
    settings: ElasticsearchSettings, client: ElasticsearchClient
) -> tuple[Step, ...]:
    """Component templates, index templates and the bursts index, in this order; each step says what it did.

    A second run changes nothing. A field type, or the lifecycle, that this build of Elasticsearch lacks is
    replaced or left out, and the step says so. Raises SetupError for what Elasticsearch refuses, Unavailable
    without a server.
    """
    mappings, missing = await _fit_mappings(client, build_mappings())
    note = "\n".join(f"{kind} is missing here, {STAND_INS[kind]} stands in" for kind in missing)
    parts = {
        MAPPINGS_NAME: {"mappings": mappings},
        SETTINGS_NAME: {"settings": build_index_settings()},
    }
    steps = [await _put_component(client, name, part) for name, part in parts.items()]
    steps[0] = _add_note(steps[0], note)
    steps.append(await _put_logs_template(client, settings))
    steps.append(await _put_index_template(client, settings.bursts_index, build_bursts_template(settings)))
    steps.append(await _put_bursts_index(client, settings.bursts_index, mappings))
    return tuple(steps)


async def _fit_mappings(client: ElasticsearchClient, mappings: Body) -> tuple[Body, list[str]]:
    """The mappings in types that this build knows, and those it lacks: asked by simulating a template."""
    missing: list[str] = []
    while True:
        fitted = replace_types(mappings, {kind: STAND_INS[kind] for kind in missing})
        # A pattern of no index there is, so that no existing template is in the way.
        template = {"index_patterns": ["tailrace-setup-asks-for-types"], "template": {"mappings": fitted}}
        answer = await _send(client, "POST", "/_index_template/_simulate", template)
        if answer.status == 200:
            return fitted, missing
        words = answer.body.decode("utf-8", "replace")
        found = _UNKNOWN_TYPE.search(words)
        kind = found[1] if found else ""
        if kind not in STAND_INS or kind in missing:
            raise _refuse("the mappings", answer)
        missing.append(kind)


async def _put_component(client: ElasticsearchClient, name: str, part: Body) -> Step:
    path = f"/_component_template/{name}"
    there = await _read(client, path, ("component_templates", 0, "component_template"))
    body = {"template": part, "_meta": {"managed_by": "tailrace"}}
    what = "component template"
    if there is not None and _is_within(body, there) and there.get("template") == part:
        return Step(what, name, "unchanged")
    answer = await _send(client, "PUT", path, body)
    if answer.status != 200:
        raise _refuse(f"the {what} {name}", answer)
    return Step(
        what, name, "created" if there is None else "updated", "" if there is None else _NEXT_ROLLOVER
    )


async def _put_logs_template(client: ElasticsearchClient, settings: ElasticsearchSettings) -> Step:
    """The template with its lifecycle, or without where this build has none."""
    name, body = name_logs_template(settings), build_logs_template(settings)
    try:
        return await _put_index_template(client, name, body)
    except SetupError as error:
        if "lifecycle" not in str(error):
            raise
    template = {key: value for key, value in body["template"].items() if key != "lifecycle"}
    step = await _put_index_template(client, name, {**body, "template": template})
    return _add_note(step, "no data stream lifecycle here: rollover and retention are not set")


async def _put_index_template(client: ElasticsearchClient, name: str, body: Body) -> Step:
    path = f"/_index_template/{name}"
    there = await _read(client, path, ("index_templates", 0, "index_template"))
    what = "index template"
    parts = ("template", "composed_of", "index_patterns")
    if (
        there is not None
        and _is_within(body, there)
        and all(there.get(key) == body.get(key) for key in parts)
    ):
        return Step(what, name, "unchanged")
    answer = await _send(client, "PUT", path, body)
    if answer.status != 200:
        raise _refuse(f"the {what} {name}", answer)
    return Step(
        what, name, "created" if there is None else "updated", "" if there is None else _NEXT_ROLLOVER
    )


async def _put_bursts_index(client: ElasticsearchClient, name: str, mappings: Body) -> Step:
    """The index, made from its template; one that exists gets the fields that it lacks."""
    there = await _read(client, f"/{name}/_mapping", (name, "mappings"))
    if there is None:
        answer = await _send(client, "PUT", f"/{name}", {})
        if answer.status != 200 and b"resource_already_exists_exception" not in answer.body:
            raise _refuse(f"the index {name}", answer)
        return Step("index", name, "created")
    wanted = {"properties": mappings["properties"]}
    if _is_within(wanted, there):
        return Step("index", name, "unchanged")
    answer = await _send(client, "PUT", f"/{name}/_mapping", wanted)
    if answer.status != 200:
        raise _refuse(f"the mappings of the index {name}", answer)
    return Step("index", name, "updated", "fields added")


async def _read(client: ElasticsearchClient, path: str, keys: tuple[str | int, ...]) -> Body | None:
    """What is stored there, or None."""
    answer = await client.request("GET", path)
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise _refuse(path, answer)
    value: Any = answer.decode()
    for key in keys:
        value = value[key]
    stored: Body = value
    return stored


async def _send(client: ElasticsearchClient, method: str, path: str, body: Body) -> Answer:
    return await client.request(method, path, body=msgspec.json.encode(body))


def _add_note(step: Step, note: str) -> Step:
    return Step(step.what, step.name, step.outcome, "\n".join(filter(None, (note, step.note))))


def _is_within(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """True when all that is wanted is there, whatever Elasticsearch has added."""
    for key, value in wanted.items():
        other = there.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            if not _is_within(value, other):
                return False
        elif value != other:
            return False
    return True


def _refuse(what: str, answer: Answer) -> SetupError:
    words = answer.body[:2000].decode("utf-8", "replace")
    if answer.status in (401, 403):
        mend = (
            "; the user or API key needs the privileges manage_index_templates and, for its indices, manage"
        )
        return SetupError(f"Elasticsearch refuses {what} (status {answer.status}): {words}{mend}")
    return SetupError(f"Elasticsearch refuses {what} (status {answer.status}): {words}")

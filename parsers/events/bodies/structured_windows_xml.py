import re
from collections.abc import Iterable
from typing import TypeAlias
from xml.etree import ElementTree

import polars as pl

from parsers.events.bodies.structured_bodies import Bodies, to_columns
from parsers.events.bodies.structured_pair_rows import group_pairs, spread_groups
from parsers.model import Body

# The group that it belongs to, key and value.
Pairs: TypeAlias = list[tuple[str, str, str]]

# The own data of a provider has two or three levels.
MAX_LEVELS = 16
FIELD, EVENT_DATA, USER_DATA = "field", "event_data", "user_data"

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:1?[0-8bcefBCEF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));"
)
_START = re.compile(r"\s*(?:<\?xml[^<>]*\?>\s*)?<(?:[A-Za-z_][\w.-]*:)?Event[\s/>]")
# Element or attribute below `System` and `RenderingInfo` to field. The names below `winlog` are those of Winlogbeat.
_FIELDS = {
    "System/Provider@Name": "event.provider",
    "System/Provider@Guid": "winlog.provider_guid",
    "System/Provider@EventSourceName": "winlog.event_source_name",
    "System/EventID": "event.code",
    "System/Version": "winlog.version",
    "System/EventRecordID": "winlog.record_id",
    "System/Correlation@ActivityID": "winlog.activity_id",
    "System/Correlation@RelatedActivityID": "winlog.related_activity_id",
    "System/Execution@ProcessID": "process.pid",
    "System/Execution@ThreadID": "process.thread.id",
    "System/Channel": "winlog.channel",
    "System/Computer": "host.name",
    "System/Security@UserID": "winlog.user.identifier",
    "RenderingInfo/Message": "message",
    "RenderingInfo/Task": "winlog.task",
    "RenderingInfo/Opcode": "winlog.opcode",
    "RenderingInfo/Provider": "winlog.provider_name",
    "ProcessingErrorData/ErrorCode": "error.code",
}
# Where there is no RenderingInfo.
_NUMBERS = {"System/Task": "winlog.task", "System/Opcode": "winlog.opcode"}
TIME_KEY = "SystemTime"
# Microsoft, Windows Event Log, standard levels and keywords. Level 0 is what audits have.
_LEVELS = {
    "0": "information",
    "1": "critical",
    "2": "error",
    "3": "warning",
    "4": "information",
    "5": "verbose",
}
_AUDIT_FAILURE, _AUDIT_SUCCESS = 0x10000000000000, 0x20000000000000


def read_windows_xml_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """Texts that are one `<Event>` of the Windows event log, as `wevtutil` and forwarders write it.

    `System` and `RenderingInfo` become fields. The values of `EventData` and `UserData` are keys: those that are
    `wanted` come out, the others are the rest, as the objects `event_data` and `user_data`; values without a name
    are `param1`, `param2` and so on. The time is the key `SystemTime`. A text with a document type, and so with
    entities of its own, is no event; nor is one that is no XML. Characters that XML forbids become U+FFFD.

    XML has no way but a parser: a text costs Python objects for its elements.
    """
    found: list[bool] = []
    groups: dict[str, list[dict[str, str]]] = {FIELD: [], EVENT_DATA: [], USER_DATA: []}
    for text in texts.to_list():
        event = None if text is None else _read_event(text)
        found.append(event is not None)
        for rows in groups.values():
            rows.append({})
        for group, key, value in event or ():
            pairs = groups[group][-1]
            # The last of equal keys wins, at its own place.
            pairs.pop(key, None)
            pairs[key] = value
    height, keys = len(found), frozenset(wanted)
    names = {name for pairs in groups[FIELD] for name in pairs}
    fields = to_columns(spread_groups(group_pairs(groups[FIELD]), height, names, 0)[0])
    taken: dict[str, pl.Series] = {}
    rest: dict[str, pl.Series] = {}
    for name in (EVENT_DATA, USER_DATA):
        columns, texts_left = spread_groups(group_pairs(groups[name]), height, keys, body.max_fields)
        rest[name] = pl.Series(name, texts_left, dtype=pl.String)
        taken = to_columns(columns) | taken
    if TIME_KEY in fields:
        time = fields.pop(TIME_KEY)
        if TIME_KEY in keys:
            taken[TIME_KEY] = time
    return Bodies(pl.Series("matched", found, dtype=pl.Boolean), taken, rest, fields=fields)


def _read_event(text: str) -> Pairs | None:
    """Keys and values in their order; None for what is no event."""
    # A document type could only stand before the first element, and without one there are no entities to expand.
    if not _START.match(text):
        return None
    root = _parse(text)
    if root is None and _CONTROLS.search(text):
        root = _parse(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text))
    return None if root is None else _read_sections(root)


def _parse(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None


def _read_sections(root: ElementTree.Element) -> Pairs:
    system: dict[str, str] = {}
    data: Pairs = []
    keywords: list[str] = []
    for section in root:
        name = _name(section)
        if name == "EventData":
            _read_event_data(section, data)
        elif name == "UserData":
            for own in section:
                # The first element below is the provider's own; it names no value.
                _read_user_data(own, "", data)
        else:
            for element in section:
                key = f"{name}/{_name(element)}"
                if name == "System":
                    for attribute, value in element.items():
                        system[f"{key}@{attribute}"] = value
                if key == "RenderingInfo/Keywords":
                    keywords += [(word.text or "").strip() for word in element]
                elif element.text and (value := element.text.strip()):
                    system[key] = value
    return [*_name_fields(system, [word for word in keywords if word]), *data]


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_event_data(section: ElementTree.Element, data: Pairs) -> None:
    unnamed = 0
    for element in section:
        key = element.get("Name")
        if key is None:
            key = _name(element)
            if key == "Data":
                unnamed += 1
                key = f"param{unnamed}"
        value = "".join(element.itertext()) if len(element) else element.text or ""
        data.append((EVENT_DATA, key, value.strip()))


def _read_user_data(own: ElementTree.Element, path: str, data: Pairs) -> None:
    """The values below an element; what nests deeper than `MAX_LEVELS` is one text."""
    waiting = [(own, path, 0)]
    while waiting:
        element, path, level = waiting.pop()
        if len(element) and level < MAX_LEVELS:
            prefix = f"{path}." if path else ""
            waiting += [(child, prefix + _name(child), level + 1) for child in reversed(element)]
        else:
            value = "".join(element.itertext()).strip()
            data.append((USER_DATA, path or _name(element), value))


def _name_fields(system: dict[str, str], keywords: list[str]) -> Pairs:
    fields = {name: system[key] for key, name in _NUMBERS.items() if key in system}
    fields |= {name: system[key] for key, name in _FIELDS.items() if key in system}
    level = system.get("System/Level", "")
    if level or "RenderingInfo/Level" in system:
        fields["log.level"] = _LEVELS.get(level) or system.get("RenderingInfo/Level") or level
    outcome = _read_outcome(system.get("System/Keywords", ""))
    if outcome:
        fields["event.outcome"] = outcome
    if keywords:
        fields["winlog.keywords"] = ", ".join(keywords)
    if "System/TimeCreated@SystemTime" in system:
        fields[TIME_KEY] = system["System/TimeCreated@SystemTime"]
    return [(FIELD, name, value) for name, value in fields.items()]


def _read_outcome(keywords: str) -> str | None:
    try:
        bits = int(keywords, 16)
    except ValueError:
        return None
    return "failure" if bits & _AUDIT_FAILURE else "success" if bits & _AUDIT_SUCCESS else None

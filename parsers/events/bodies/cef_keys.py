"""What the extension keys of CEF and the attributes of LEEF are called in ECS.

Sources: ArcSight Common Event Format, version 25 (key names, producer and consumer dictionaries); IBM, Log Event
Extended Format, predefined event attributes; ECS field reference. The choice of ECS fields for CEF is that of
Filebeat's decode_cef, so that dashboards made for it find their fields. Left out are keys whose values ECS would
not allow (`cat` is no event.category, `type` no event.kind).
"""

from collections.abc import Mapping
from types import MappingProxyType

_SHORT_NAMES = {
    "agt": "agentAddress",
    "ahost": "agentHostName",
    "aid": "agentId",
    "amac": "agentMacAddress",
    "art": "agentReceiptTime",
    "at": "agentType",
    "app": "applicationProtocol",
    "in": "bytesIn",
    "out": "bytesOut",
    "dst": "destinationAddress",
    "dhost": "destinationHostName",
    "dmac": "destinationMacAddress",
    "dntdom": "destinationNtDomain",
    "dpt": "destinationPort",
    "duid": "destinationUserId",
    "duser": "destinationUserName",
    "act": "deviceAction",
    "dvc": "deviceAddress",
    "dvchost": "deviceHostName",
    "dvcmac": "deviceMacAddress",
    "dvcpid": "deviceProcessId",
    "dtz": "deviceTimeZone",
    "end": "endTime",
    "outcome": "eventOutcome",
    "fname": "fileName",
    "fsize": "fileSize",
    "msg": "message",
    "reason": "Reason",
    "request": "requestUrl",
    "shost": "sourceHostName",
    "smac": "sourceMacAddress",
    "sntdom": "sourceNtDomain",
    "spt": "sourcePort",
    "src": "sourceAddress",
    "start": "startTime",
    "suid": "sourceUserId",
    "suser": "sourceUserName",
    "proto": "transportProtocol",
}
_FIELDS = {
    "agentAddress": "observer.ip",
    "agentHostName": "observer.hostname",
    "agentId": "observer.serial_number",
    "agentMacAddress": "observer.mac",
    "agentReceiptTime": "event.created",
    "agentType": "observer.type",
    "applicationProtocol": "network.protocol",
    "bytesIn": "source.bytes",
    "bytesOut": "destination.bytes",
    "customerExternalID": "organization.id",
    "customerURI": "organization.name",
    "destinationAddress": "destination.ip",
    "destinationHostName": "destination.domain",
    "destinationDnsDomain": "destination.registered_domain",
    "destinationMacAddress": "destination.mac",
    "destinationNtDomain": "destination.user.domain",
    "destinationPort": "destination.port",
    "destinationServiceName": "service.name",
    "destinationTranslatedAddress": "destination.nat.ip",
    "destinationTranslatedPort": "destination.nat.port",
    "destinationUserId": "destination.user.id",
    "destinationUserName": "destination.user.name",
    "deviceAction": "event.action",
    "deviceAddress": "host.ip",
    "deviceDirection": "network.direction",
    "deviceExternalId": "host.id",
    "deviceHostName": "host.hostname",
    "deviceInboundInterface": "observer.ingress.interface.name",
    "deviceMacAddress": "host.mac",
    "deviceOutboundInterface": "observer.egress.interface.name",
    "devicePayloadId": "event.id",
    "deviceProcessId": "process.pid",
    "deviceProcessName": "process.name",
    "deviceTimeZone": "event.timezone",
    "endTime": "event.end",
    "eventId": "event.id",
    "eventOutcome": "event.outcome",
    "fileCreateTime": "file.ctime",
    "fileId": "file.inode",
    "fileModificationTime": "file.mtime",
    "fileName": "file.name",
    "filePath": "file.path",
    "fileSize": "file.size",
    "fileType": "file.type",
    "message": "message",
    "Reason": "event.reason",
    "requestClientApplication": "user_agent.original",
    "requestContext": "http.request.referrer",
    "requestMethod": "http.request.method",
    "requestUrl": "url.original",
    "sourceAddress": "source.ip",
    "sourceDnsDomain": "source.registered_domain",
    "sourceHostName": "source.domain",
    "sourceMacAddress": "source.mac",
    "sourceNtDomain": "source.user.domain",
    "sourcePort": "source.port",
    "sourceTranslatedAddress": "source.nat.ip",
    "sourceTranslatedPort": "source.nat.port",
    "sourceUserId": "source.user.id",
    "sourceUserName": "source.user.name",
    "startTime": "event.start",
    "transportProtocol": "network.transport",
}

# Extension key, in its short and its full name, to field.
CEF_FIELDS: Mapping[str, str] = MappingProxyType(
    {short: _FIELDS[full] for short, full in _SHORT_NAMES.items()}
    | _FIELDS
    | {"DeviceOutboundInterface": "observer.egress.interface.name", "DevicePayloadId": "event.id"}
)
# Keys that hold times; what cannot be read as one is no date, and stays where the other keys are.
CEF_TIMES = frozenset(
    key
    for key, name in CEF_FIELDS.items()
    if name in ("event.created", "event.start", "event.end", "file.ctime", "file.mtime")
)
LEEF_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "src": "source.ip",
        "dst": "destination.ip",
        "srcPort": "source.port",
        "dstPort": "destination.port",
        "proto": "network.transport",
        "srcPreNAT": "source.nat.ip",
        "dstPreNAT": "destination.nat.ip",
        "srcPostNAT": "source.nat.ip",
        "dstPostNAT": "destination.nat.ip",
        "srcPreNATPort": "source.nat.port",
        "dstPreNATPort": "destination.nat.port",
        "srcPostNATPort": "source.nat.port",
        "dstPostNATPort": "destination.nat.port",
        "srcMAC": "source.mac",
        "dstMAC": "destination.mac",
        "srcBytes": "source.bytes",
        "dstBytes": "destination.bytes",
        "srcPackets": "source.packets",
        "dstPackets": "destination.packets",
        "totalPackets": "network.packets",
        "usrName": "user.name",
        "domain": "user.domain",
        "sev": "event.severity",
        "url": "url.original",
        "action": "event.action",
        "msg": "message",
        "identHostName": "host.hostname",
    }
)
# The dictionary's numbers, and words that devices write in various cases, to the values of ECS.
ECS_VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "network.direction": {
            "0": "inbound", "1": "outbound", "inbound": "inbound", "outbound": "outbound", "in": "inbound",
            "out": "outbound", "internal": "internal", "external": "external",
        },
        "event.outcome": {
            "success": "success", "successful": "success", "succeeded": "success", "ok": "success",
            "failure": "failure", "failed": "failure", "fail": "failure", "error": "failure", "unknown": "unknown",
        },
    }
)  # fmt: skip
# CEF's severities as Filebeat numbers them: each word is the lowest number of its range.
SEVERITIES: Mapping[str, str] = MappingProxyType(
    {"unknown": "0", "low": "0", "medium": "4", "high": "7", "very-high": "9"}
)
# ECS wants these in lower case.
ECS_LOWER = ("network.transport", "network.protocol")

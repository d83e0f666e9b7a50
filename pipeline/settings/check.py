"""Whether values that are each well written make sense together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.settings.model import ElasticsearchSettings, KafkaSettings, Settings

Complaint: TypeAlias = tuple[str, str]

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):(\d{1,5})")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_INDEX = re.compile(r"[a-z0-9.][a-z0-9._-]{0,254}")
# A data stream's namespace: no hyphen, since the name is <type>-<dataset>-<namespace>.
_NAMESPACE = re.compile(r"""[^A-Z\\/*?"<>| ,#:-]{1,100}""")
_LAST_PORT = 65_535
_OFFSET = re.compile(r"[+-]\d\d:?\d\d|Z")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def check_settings(settings: Settings) -> tuple[Complaint, ...]:
    """All that cannot work, as (dotted path, what is wrong and how to mend it). No network is asked."""
    return (
        *_check_kafka(settings.kafka),
        *_check_elasticsearch(settings.elasticsearch),
        *_check_rest(settings),
    )


def _check_kafka(kafka: KafkaSettings) -> Iterator[Complaint]:
    if not kafka.bootstrap_servers:
        yield "kafka.bootstrap_servers", "no server is named; write host:port"
    for server in kafka.bootstrap_servers:
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found[2]) < 65_536:
            yield "kafka.bootstrap_servers", f"{server!r} is not host:port"
    seen: dict[str, str] = {}
    for key in ("raw", "events", "signals", "bursts", "dead"):
        topic: str = getattr(kafka.topics, key)
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            yield (
                f"kafka.topics.{key}",
                f"{topic!r} is no topic name: letters, digits, . _ - only, 249 at most",
            )
        if topic in seen:
            yield (
                f"kafka.topics.{key}",
                f"{topic!r} is kafka.topics.{seen[topic]} as well; each needs its own",
            )
        seen.setdefault(topic, key)
    if kafka.security_protocol.startswith("SASL"):
        for key in ("sasl_username", "sasl_password"):
            if getattr(kafka, key) is None:
                yield f"kafka.{key}", f"security_protocol {kafka.security_protocol} needs it"
    elif kafka.sasl_username is not None or kafka.sasl_password is not None:
        mend = "set security_protocol to SASL_SSL or SASL_PLAINTEXT, or remove the name and password"
        yield (
            "kafka.security_protocol",
            f"{kafka.security_protocol} would not use the SASL name and password; {mend}",
        )
    if (kafka.ssl_certfile is None) != (kafka.ssl_keyfile is None):
        missing = "ssl_keyfile" if kafka.ssl_keyfile is None else "ssl_certfile"
        yield f"kafka.{missing}", "a client certificate and its key are needed together"
    for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        yield from _check_file(f"kafka.{key}", getattr(kafka, key))


def _check_elasticsearch(elasticsearch: ElasticsearchSettings) -> Iterator[Complaint]:
    if not elasticsearch.hosts:
        yield "elasticsearch.hosts", "no server is named; write a URL such as https://search:9200"
    for host in elasticsearch.hosts:
        try:
            url = urlsplit(host)
            usable = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            usable = False
        if not usable:
            yield "elasticsearch.hosts", f"{_hide(host)!r} is not a URL such as https://search:9200"
        elif "@" in url.netloc:
            mend = "put them into username and password, where they are not shown"
            yield "elasticsearch.hosts", f"{_hide(host)!r} holds a name and password; {mend}"
    if elasticsearch.api_key is not None and elasticsearch.username is not None:
        yield "elasticsearch.api_key", "an API key and a user name are set; keep one of them"
    if (elasticsearch.username is None) != (elasticsearch.password is None):
        missing = "password" if elasticsearch.password is None else "username"
        yield f"elasticsearch.{missing}", "a user name and a password are needed together"
    if not _NAMESPACE.fullmatch(elasticsearch.namespace):
        mend = r"""lower case, none of \/*?"<>| ,#:-, 100 at most"""
        yield "elasticsearch.namespace", f"{elasticsearch.namespace!r} is no namespace: {mend}"
    if not _INDEX.fullmatch(elasticsearch.bursts_index) or elasticsearch.bursts_index in (".", ".."):
        mend = "lower case letters, digits, . _ -"
        yield "elasticsearch.bursts_index", f"{elasticsearch.bursts_index!r} is no index name: {mend}"
    elif re.match(r"(logs|metrics|traces|synthetics)-[^-]+-", elasticsearch.bursts_index):
        mend = "choose a name without that form"
        yield "elasticsearch.bursts_index", f"Elasticsearch would make a data stream of that name; {mend}"
    yield from _check_file("elasticsearch.ca_certs", elasticsearch.ca_certs)


def _check_rest(settings: Settings) -> Iterator[Complaint]:
    zone = settings.rules.default_timezone
    if not _OFFSET.fullmatch(zone):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield (
                "rules.default_timezone",
                f"{zone!r} is neither an IANA name such as Europe/Berlin nor an offset",
            )
    if not settings.worker.stages:
        yield "worker.stages", "a worker without a stage does nothing; name parse, burst or index"
    if len(set(settings.worker.stages)) != len(settings.worker.stages):
        yield "worker.stages", "a stage is named twice"
    port, processes = settings.metrics.port, max(1, settings.worker.processes)
    if port is not None and port + processes - 1 > _LAST_PORT:
        mend = (
            f"each of {processes} processes needs one, from this upwards"
            if processes > 1
            else "use a free one"
        )
        yield "metrics.port", f"{port + processes - 1} is no port, the last is {_LAST_PORT}; {mend}"
    if settings.mask_key is None and any(mask.how == "hash" for mask in settings.mask):
        mend = "set mask_key, or write 'how: redact'"
        yield "mask", f"a hash without a key tells the masked value to who tries all of them; {mend}"
    for stage in settings.stages:
        if not _FUNCTION.fullmatch(stage):
            yield "stages", f"{stage!r} is not module:function"


def _check_file(path: str, file: Path | None) -> Iterator[Complaint]:
    if file is not None and not file.is_file():
        yield path, f"there is no file {file}"


def _hide(url: str) -> str:
    """The URL without what stands before its @, which may be a password."""
    return re.sub(r"//.*@", "//***@", url)

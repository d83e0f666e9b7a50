"""What can be set, with its defaults: every field is a YAML key and an environment variable of that path.

`kafka.topics.raw` is `TAILRACE_KAFKA_TOPICS_RAW`. Fields are described by their types: `Seconds` reads `10s`,
`Bytes` reads `5MB`, a tuple is a YAML list (commas in the environment), a `Secret` is never shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from parsers.model import Mask, ZoneRule
from pipeline.settings.secret import Secret


@dataclass(frozen=True, slots=True)
class Unit:
    """How a number is written, and the least it may be."""

    name: Literal["number", "seconds", "bytes", "percent", "processes"]
    minimum: float = 0


Seconds: TypeAlias = Annotated[float, Unit("seconds")]
Bytes: TypeAlias = Annotated[int, Unit("bytes", minimum=1)]
Count: TypeAlias = Annotated[int, Unit("number", minimum=1)]
Percent: TypeAlias = Annotated[float, Unit("percent")]
CountOrNone: TypeAlias = Annotated[int, Unit("number", minimum=0)]
# 0, which is written `auto`: one for each core that may be used.
Processes: TypeAlias = Annotated[int, Unit("processes", minimum=0)]

Stage: TypeAlias = Literal["parse", "burst", "index"]
Compression: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]
SecurityProtocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
LogLevel: TypeAlias = Literal["trace", "debug", "info", "warning", "error"]

# A byte of a line can take 6 in JSON (\u0000), twice (message and event.original), or 3 as U+FFFD twice with
# a third of base64 beside it; the rest is room for the other fields.
DOCUMENT_GROWTH: Final = 13
DOCUMENT_ROOM: Final = 65_536
# Brokers (socket.request.max.bytes) and Elasticsearch (http.max_content_length) take no request above 100
# MiB.
LARGEST_REQUEST: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """Names of the topics."""

    raw: str = "logs.raw"
    events: str = "logs.events"
    signals: str = "logs.signals"
    bursts: str = "logs.bursts"
    dead: str = "logs.dead"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """The broker, the consumer group, and how much is taken at once."""

    bootstrap_servers: tuple[str, ...] = ("127.0.0.1:9092",)
    group: str = "tailrace"
    client_id: str = "tailrace"
    topics: TopicSettings = field(default_factory=TopicSettings)
    partitions: Count = 6
    replication_factor: Count = 1
    session_timeout: Seconds = 10.0
    batch_records: Count = 12_000
    batch_bytes: Bytes = 3_500_000
    max_message_bytes: Bytes = 10_485_760
    compression: Compression = "zstd"
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "PLAIN"
    sasl_username: str | None = None
    sasl_password: Secret | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None

    @property
    def max_document_bytes(self) -> int:
        """What the largest raw message may become: the limit of the topics and producers after parse."""
        return min(self.max_message_bytes * DOCUMENT_GROWTH + DOCUMENT_ROOM, LARGEST_REQUEST)


@dataclass(frozen=True, slots=True)
class ElasticsearchSettings:
    """Where documents go, and how.

    `recheck`: how long after a rollover the older backing indices are asked for each document.
    `retention`: the age at which Elasticsearch may delete documents; None: never.
    """

    hosts: tuple[str, ...] = ("http://127.0.0.1:9200",)
    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    ca_certs: Path | None = None
    verify_certs: bool = True
    namespace: str = "default"
    bursts_index: str = "tailrace-bursts"
    bulk_documents: Count = 5_000
    bulk_bytes: Bytes = 5_000_000
    concurrency: Count = 2
    compress: bool = False
    request_timeout: Seconds = 60.0
    recheck: Seconds = 600.0
    shards: Count = 1
    replicas: CountOrNone = 1
    index_mode: Literal["logsdb", "standard"] = "logsdb"
    retention: Seconds | None = None


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Where the rules are, None: those that ship; and the zone of times that name none.

    The zone is an IANA name such as Europe/Berlin, or an offset such as +02:00. `reload`: changed rules are judged and
    go live while a worker runs, unless they parse a smaller share of the last `trial_lines` lines by more than
    `max_parsed_drop`. `status_directory`: where the process tells of its rules, None: the user's state folder.
    """

    directory: Path | None = None
    default_timezone: str = "UTC"
    reload: bool = True
    reload_interval: Seconds = 0.5
    max_parsed_drop: Percent = 1.0
    trial_lines: Count = 5000
    status_directory: Path | None = None


@dataclass(frozen=True, slots=True)
class BurstSettings:
    """`idle`: a partition that is read to its end and silent this long no longer holds windows open."""

    idle: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Which agents one worker runs, in how many processes, and how long it may take to end after SIGTERM."""

    stages: tuple[Stage, ...] = ("parse", "burst", "index")
    processes: Processes = 1
    drain: Seconds = 8.0


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where a worker serves `/metrics` for Prometheus; without a port it does not.

    Of several processes the first serves on `port`, each further one on the next port.
    """

    port: Count | None = None
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The local store of `tailrace run`."""

    directory: Path = Path("tailrace-store")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Our own log, on standard error."""

    level: LogLevel = "info"
    json: bool = False


@dataclass(frozen=True, slots=True)
class InputSettings:
    """Limits on what is read from files."""

    max_line_bytes: Bytes = 10_485_760


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings in force.

    `stages` are the user's own, as `module:function`, run after parse in this order. `timezones`: the zones of times
    whose line and rule name none, by what is known of their events. `mask`: what must not get out of any event;
    `mask_key` is the secret that hashes of masked values are made with.

    `origins` says for every dotted path where its value came from: `default`, `tailrace.yml:3`,
    `environment TAILRACE_…` or `secret file …`; it takes no part in comparison.
    """

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    elasticsearch: ElasticsearchSettings = field(default_factory=ElasticsearchSettings)
    rules: RuleSettings = field(default_factory=RuleSettings)
    bursts: BurstSettings = field(default_factory=BurstSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    log: LogSettings = field(default_factory=LogSettings)
    input: InputSettings = field(default_factory=InputSettings)
    stages: tuple[str, ...] = ()
    timezones: tuple[ZoneRule, ...] = ()
    mask: tuple[Mask, ...] = ()
    mask_key: Secret | None = None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

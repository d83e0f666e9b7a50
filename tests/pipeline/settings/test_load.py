from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.settings import Secret, Settings, SettingsError, load_settings

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "tailrace.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def fail(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load_settings(path, environ or {})
    return [problem.replace(f"{path}", "F") for problem in error.value.problems]


def test_without_a_file_and_environment_the_defaults_hold() -> None:
    assert load_settings(None, {}) == Settings()


def test_a_file_sets_values_of_every_kind(write: Write) -> None:
    settings = load_settings(
        write(
            """
kafka:
  bootstrap_servers: [a:9092, b:9092]
  topics: {raw: lines}
  session_timeout: 12s
  batch_bytes: 2MiB
  compression: ZSTD
elasticsearch:
  verify_certs: no
  retention: 7d
  replicas: 0
rules: {directory: my/rules}
stages: [mine.stages:drop_debug]
"""
        ),
        {},
    )
    assert settings.kafka.bootstrap_servers == ("a:9092", "b:9092")
    assert settings.kafka.topics.raw == "lines"
    assert settings.kafka.topics.events == "logs.events"
    assert settings.kafka.session_timeout == 12.0
    assert settings.kafka.batch_bytes == 2 * 1024 * 1024
    assert settings.kafka.compression == "zstd"
    assert settings.elasticsearch.verify_certs is False
    assert settings.elasticsearch.retention == 604_800
    assert settings.elasticsearch.replicas == 0
    assert settings.rules.directory == Path("my/rules")
    assert settings.stages == ("mine.stages:drop_debug",)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(write: Write) -> None:
    path = write("kafka:\n  group: from-file\n  client_id: from-file\n")
    settings = load_settings(path, {"TAILRACE_KAFKA_GROUP": "from-environment"})
    assert (settings.kafka.group, settings.kafka.client_id) == ("from-environment", "from-file")
    assert settings.origins["kafka.group"] == "environment TAILRACE_KAFKA_GROUP"
    assert settings.origins["kafka.client_id"] == f"{path}:3"
    assert settings.origins["kafka.topics.raw"] == "default"


def test_nested_values_and_lists_can_come_from_the_environment() -> None:
    settings = load_settings(
        None,
        {
            "TAILRACE_KAFKA_TOPICS_RAW": "lines",
            "TAILRACE_KAFKA_BOOTSTRAP_SERVERS": "a:1, b:2",
            "TAILRACE_WORKER_STAGES": "parse,index",
            "TAILRACE_STAGES": "a.b:c",
            "TAILRACE_LOG_JSON": "true",
        },
    )
    assert settings.kafka.topics.raw == "lines"
    assert settings.kafka.bootstrap_servers == ("a:1", "b:2")
    assert settings.worker.stages == ("parse", "index")
    assert settings.stages == ("a.b:c",)
    assert settings.log.json is True


@pytest.mark.parametrize(("text", "processes"), [("3", 3), ("auto", 0), ("0", 0), ("AUTO", 0)])
def test_processes_are_a_number_or_auto(text: str, processes: int) -> None:
    assert load_settings(None, {"TAILRACE_WORKER_PROCESSES": text}).worker.processes == processes


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings(None, {"TAILRACE_KAFKA_GROUP": ""}) == Settings()


def test_the_file_can_be_named_by_the_environment(write: Write) -> None:
    path = write("kafka: {group: named}")
    assert load_settings(None, {"TAILRACE_CONFIG": str(path)}).kafka.group == "named"


def test_all_mistakes_are_told_at_once_each_with_its_place_and_the_nearest_key(write: Write) -> None:
    path = write(
        "kafka:\n"
        "  topcs: {raw: a}\n"
        "  topics: {rw: b}\n"
        "  partitions: 0\n"
        "  batch_bytes: 5XB\n"
        "log: {level: warn}\n"
        "partitions: 3\n"
        "elasticsearch: [1]\n"
    )
    assert fail(path, {"TAILRACE_KAFKA_TOPIC_RAW": "x", "TAILRACE_ELASTICSEARCH_SHARDS": "many"}) == [
        "F:2:3: error: unknown key 'topcs' in 'kafka'; did you mean 'topics'?",
        "F:3:12: error: unknown key 'rw' in 'kafka.topics'; did you mean 'raw'?",
        "F:4:15: error: 'kafka.partitions': '0' is too small; the least is 1",
        "F:5:16: error: 'kafka.batch_bytes': '5XB' has the unknown unit 'XB'; "
        "units are B, kB, MB, GB, KiB, MiB, GiB",
        "F:6:14: error: 'log.level': 'warn' is not one of trace, debug, info, warning, error; "
        "did you mean 'warning'?",
        "F:7:1: error: unknown key 'partitions'; did you mean 'kafka.partitions'?",
        "F:8:16: error: 'elasticsearch' wants keys and values below it: hosts, username, password, "
        "password_file, api_key, api_key_file, ca_certs, verify_certs, namespace, bursts_index, "
        "bulk_documents, bulk_bytes, concurrency, compress, request_timeout, recheck, shards, replicas, "
        "index_mode, retention",
        "environment TAILRACE_ELASTICSEARCH_SHARDS: error: 'many' is not a whole number",
        "environment TAILRACE_KAFKA_TOPIC_RAW: error: no such setting; did you mean 'TAILRACE_KAFKA_TOPICS_RAW'?",
    ]


def test_duplicate_keys_and_broken_yaml_are_told_with_their_place(write: Write) -> None:
    assert fail(write("kafka: {group: a}\nkafka: {group: b}\n"))[0].startswith(
        "F:2:1: error: duplicate key 'kafka'"
    )
    assert fail(write("kafka: [unclosed\n"))[0].startswith("F:2:1: error: not valid YAML")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert fail(tmp_path / "none.yml") == ["F:1:1: error: cannot read the file: No such file or directory"]


def test_variables_that_are_no_settings_but_have_the_prefix_are_let_pass() -> None:
    environ = {
        "TAILRACE_TEST_ELASTICSEARCH": "http://x",
        "TAILRACE_SERVICE_HOST": "10.0.0.1",
        "TAILRACE_PORT_9092_TCP_ADDR": "10.0.0.1",
        "TAILRACE_WORKER_SERVICE_PORT": "80",
        "TAILRACES": "1",
    }
    assert load_settings(None, environ) == Settings()


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path, write: Write) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", encoding="utf-8")
    wanted = replace(Settings().elasticsearch, username="u", password=Secret("hunter2"))
    path = write(f"elasticsearch: {{username: u, password_file: {secret}}}")
    from_yaml = load_settings(path, {})
    assert from_yaml.elasticsearch == wanted
    assert from_yaml.origins["elasticsearch.password"] == f"secret file {secret}"
    environ = {"TAILRACE_ELASTICSEARCH_USERNAME": "u", "TAILRACE_ELASTICSEARCH_PASSWORD_FILE": str(secret)}
    assert load_settings(None, environ).elasticsearch == wanted


def test_a_secret_file_that_is_missing_or_empty_or_ambiguous_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    name = "TAILRACE_KAFKA_SASL_PASSWORD_FILE"
    assert fail(None, {name: f"{tmp_path}/none"}) == [
        f"environment {name}: error: cannot read the secret file {tmp_path}/none: No such file or directory"
    ]
    assert fail(None, {name: str(empty)}) == [f"environment {name}: error: the secret file {empty} is empty"]
    both = fail(None, {name: str(empty), "TAILRACE_KAFKA_SASL_PASSWORD": "x"})
    assert (
        both[0] == f"environment {name}: error: TAILRACE_KAFKA_SASL_PASSWORD is set as well; set one of them"
    )


def test_a_reference_in_the_file_is_filled_from_the_environment(write: Write) -> None:
    path = write("kafka:\n  group: tailrace-${SITE}\n")
    settings = load_settings(path, {"SITE": "north"})
    assert settings.kafka.group == "tailrace-north"
    assert settings.origins["kafka.group"] == f"{path}:2 (environment SITE)"
    assert fail(path) == [
        "F:2:10: error: the environment variable SITE is not set; set it or write the value here"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kafka: {security_protocol: SASL_SSL}", "kafka.sasl_username: security_protocol SASL_SSL needs it"),
        ("kafka: {sasl_username: u}", "kafka.security_protocol: PLAINTEXT would not use the SASL name"),
        ("kafka: {bootstrap_servers: [a]}", "kafka.bootstrap_servers: 'a' is not host:port"),
        ("kafka: {topics: {raw: logs.dead}}", "kafka.topics.dead: 'logs.dead' is kafka.topics.raw as well"),
        ("kafka: {topics: {raw: 'a b'}}", "kafka.topics.raw: 'a b' is no topic name"),
        ("kafka: {ssl_cafile: /nowhere/ca.pem}", "kafka.ssl_cafile: there is no file /nowhere/ca.pem"),
        ("elasticsearch: {hosts: [search]}", "elasticsearch.hosts: 'search' is not a URL"),
        ("elasticsearch: {hosts: ['http://u:pw@s:9200']}", "'http://***@s:9200' holds a name and password"),
        ("elasticsearch: {username: u}", "elasticsearch.password: a user name and a password are needed"),
        ("elasticsearch: {namespace: My-Space}", "elasticsearch.namespace: 'My-Space' is no namespace"),
        ("elasticsearch: {bursts_index: logs-a-b}", "Elasticsearch would make a data stream of that name"),
        (
            "rules: {default_timezone: Mars/Base}",
            "rules.default_timezone: 'Mars/Base' is neither an IANA name",
        ),
        ("worker: {stages: []}", "worker.stages: a worker without a stage does nothing"),
        ("stages: [mine]", "stages: 'mine' is not module:function"),
        ("metrics: {port: 70000}", "metrics.port: 70000 is no port, the last is 65535; use a free one"),
        (
            "metrics: {port: 65530}\nworker: {processes: 7}",
            "metrics.port: 65536 is no port, the last is 65535; each of 7 processes needs one",
        ),
        ("worker: {processes: some}", "'worker.processes': 'some' is neither a whole number nor auto"),
        ("worker: {processes: -1}", "'worker.processes': '-1' is too small; the least is 0"),
    ],
)
def test_what_contradicts_itself_is_told_with_the_path(write: Write, text: str, told: str) -> None:
    assert told in fail(write(text))[0]


def test_no_secret_shows_in_an_error(write: Write) -> None:
    path = write("elasticsearch: {password: hunter2, hosts: ['http://u:hunter2@s:9200']}\n")
    assert "hunter2" not in "\n".join(fail(path))

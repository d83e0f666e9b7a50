"""docker-compose.yml and deploy/: what can be checked of them without a Docker engine."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.demo.sources import SOURCES
from pipeline.settings import load_settings
from tests.servers.versions import ELASTICSEARCH_VERSION, KAFKA_VERSION

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    # Read as a file: the package itself does not import beside the click that Faust allows.
    schema = distribution("check-jsonschema").locate_file(
        "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    )

    jsonschema.validate(compose, json.loads(Path(str(schema)).read_text()))


def test_every_image_has_an_exact_tag(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)

    for image in images:
        assert re.fullmatch(r"[^:]+:\d+\.\d+\.\d+(-[a-z-]+)?", image), image


def test_the_servers_are_those_the_tests_run_against(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert services["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    for name, path in [
        ("elasticsearch", "elasticsearch/elasticsearch"),
        ("kibana", "kibana/kibana"),
        ("filebeat", "beats/filebeat"),
    ]:
        assert services[name]["image"] == f"docker.elastic.co/{path}:{ELASTICSEARCH_VERSION}"


def test_every_service_has_a_limit_on_memory(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "mem_limit" not in service] == []


def test_ports_are_published_on_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_conditions_wait_for_what_can_be_met(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for the health of {other}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert services[other]["restart"] == "no", f"{name} waits for the end of {other}"


def test_workers_start_after_setup_and_setup_after_the_servers(compose: dict[str, Any]) -> None:
    services = compose["services"]
    workers = [name for name, service in services.items() if service.get("command", [""])[0] == "worker"]

    assert len(workers) == 2
    for name in [*workers, "filebeat", "vector"]:
        assert services[name]["depends_on"]["setup"] == {"condition": "service_completed_successfully"}
    assert set(services["setup"]["depends_on"]) == {"kafka", "elasticsearch"}


def test_volumes_are_declared_and_mounted_files_exist(compose: dict[str, Any]) -> None:
    used = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file(), source
            else:
                used.add(source)

    assert used == set(compose["volumes"])


def test_the_settings_for_compose_load() -> None:
    settings = load_settings(ROOT / "deploy/tailrace.yml", {})

    assert settings.kafka.bootstrap_servers == ("kafka:9092",)
    assert settings.elasticsearch.hosts == ("http://elasticsearch:9200",)


def test_shippers_and_settings_agree() -> None:
    settings = load_settings(ROOT / "deploy/tailrace.yml", {})
    filebeat = yaml.safe_load((ROOT / "deploy/filebeat.yml").read_text())["output.kafka"]
    vector = yaml.safe_load((ROOT / "deploy/vector.yaml").read_text())
    sink, source = vector["sinks"]["kafka"], vector["sources"]["demo"]

    assert filebeat["hosts"] == list(settings.kafka.bootstrap_servers) == [sink["bootstrap_servers"]]
    assert filebeat["topic"] == settings.kafka.topics.raw == sink["topic"]
    assert filebeat["max_message_bytes"] == settings.kafka.max_message_bytes
    assert int(sink["librdkafka_options"]["message.max.bytes"]) == settings.kafka.max_message_bytes
    assert source["max_line_bytes"] == settings.kafka.max_message_bytes


def test_every_file_of_the_generator_is_shipped_once(compose: dict[str, Any]) -> None:
    filebeat = yaml.safe_load((ROOT / "deploy/filebeat.yml").read_text())["filebeat.inputs"][0]["paths"]
    vector = yaml.safe_load((ROOT / "deploy/vector.yaml").read_text())["sources"]["demo"]["include"]
    command = compose["services"]["generator"]["command"]
    folder = PurePosixPath(command[command.index("--write") + 1])

    for source in SOURCES:
        shippers = [glob for glob in filebeat + vector if (folder / source.path).match(glob)]
        assert len(shippers) == 1, source.path


def test_kafka_advertises_what_its_clients_use(compose: dict[str, Any]) -> None:
    environment = compose["services"]["kafka"]["environment"]
    advertised = dict(part.split("://") for part in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))

    assert advertised["INSIDE"] in load_settings(ROOT / "deploy/tailrace.yml", {}).kafka.bootstrap_servers
    assert f"{advertised['OUTSIDE']}:19092" in compose["services"]["kafka"]["ports"]
    names = {part.split("://")[0] for part in environment["KAFKA_LISTENERS"].split(",")}
    assert names == {
        part.split(":")[0] for part in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    }

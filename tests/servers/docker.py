"""Kafka and Elasticsearch from their official images, for machines with a Docker engine and no JDK."""

import shutil
import subprocess
from collections.abc import Mapping

from tests.servers.folders import NotThisWay, make_work_folder
from tests.servers.process import Server, find_free_ports, is_healthy, is_listening, serve
from tests.servers.versions import ELASTICSEARCH_VERSION, HEAP, KAFKA_VERSION


def start_kafka_from_docker(keep: bool) -> Server:
    """Start the official image, with its defaults but for the advertised address."""
    (port,) = find_free_ports(1)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": f"-Xms{HEAP} -Xmx{HEAP}",
    }
    command = docker_command(f"apache/kafka:{KAFKA_VERSION}", f"127.0.0.1:{port}:9092", settings)
    return serve("kafka", command, make_work_folder("kafka"), f"127.0.0.1:{port}", is_listening, keep=keep)


def start_elasticsearch_from_docker(keep: bool) -> Server:
    """Start the official image as a single node without security."""
    (port,) = find_free_ports(1)
    settings = {
        "discovery.type": "single-node",
        "xpack.security.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "ES_JAVA_OPTS": f"-Xms{HEAP} -Xmx{HEAP}",
    }
    image = f"docker.elastic.co/elasticsearch/elasticsearch:{ELASTICSEARCH_VERSION}"
    command = docker_command(image, f"127.0.0.1:{port}:9200", settings)
    work = make_work_folder("elasticsearch")
    return serve("elasticsearch", command, work, f"http://127.0.0.1:{port}", is_healthy, keep=keep)


def docker_command(image: str, port: str, settings: Mapping[str, str]) -> list[str]:
    if shutil.which("docker") is None:
        raise NotThisWay("there is no docker command")
    if subprocess.run(["docker", "info"], capture_output=True, timeout=30).returncode != 0:
        raise NotThisWay("docker info reaches no engine")
    environment = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    return ["docker", "run", "--rm", "--init", "-p", port, *environment, image]

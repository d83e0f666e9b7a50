"""Kafka and Elasticsearch from Maven Central's artifacts, run by a JDK of this machine."""

import base64
import os
import shutil
import uuid
from pathlib import Path

from tests.servers.folders import NotThisWay, fetch, make_work_folder
from tests.servers.process import Server, find_free_ports, is_healthy, is_listening, run, serve
from tests.servers.versions import ELASTICSEARCH_VERSION, HEAP, KAFKA_VERSION

DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
NOBODY = 65534
KAFKA_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tailrace.tests</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


def start_kafka_from_maven(keep: bool) -> Server:
    """Start a one-node KRaft broker from Maven Central's jars; 5 to 10 s once they are there."""
    java = find_jdk(17) / "bin/java"
    library = fetch(f"kafka-{KAFKA_VERSION}", fetch_kafka)
    work = make_work_folder("kafka")
    port, controller_port = find_free_ports(2)
    (work / "server.properties").write_text(
        f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={work}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
"""
    )
    # The first byte is fixed: an id that begins with "-" would be taken for an option.
    cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()
    run_java = [str(java), "-cp", f"{library}/*", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    settings = str(work / "server.properties")
    run([*run_java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings], cwd=work)
    command = [*run_java, f"-Xms{HEAP}", f"-Xmx{HEAP}", "kafka.Kafka", settings]
    return serve("kafka", command, work, f"127.0.0.1:{port}", is_listening, keep=keep)


def fetch_kafka(folder: Path) -> None:
    (folder / "pom.xml").write_text(KAFKA_POM)
    maven(
        f"{DEPENDENCY_PLUGIN}:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={folder}",
        cwd=folder,
    )


def start_elasticsearch_from_maven(keep: bool) -> Server:
    """Start Elastic's own integration-test build; 10 to 20 s once it is there. Security is off."""
    java_home = find_jdk(21)
    home = fetch(f"elasticsearch-{ELASTICSEARCH_VERSION}", fetch_elasticsearch)
    work = make_work_folder("elasticsearch")
    port, transport_port = find_free_ports(2)
    shutil.copytree(home / "config", work / "config")
    (work / "tmp").mkdir()
    (work / "config/elasticsearch.yml").write_text(
        f"""cluster.name: tailrace-tests
node.name: only
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport_port}
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
path.data: {work}/data
path.logs: {work}/logs
"""
    )
    environment = {
        **os.environ,
        "ES_JAVA_HOME": str(java_home),
        "ES_PATH_CONF": str(work / "config"),
        "ES_TMPDIR": str(work / "tmp"),
        "ES_JAVA_OPTS": f"-Xms{HEAP} -Xmx{HEAP}",
        "HOME": str(work),
    }
    user = None
    if os.getuid() == 0:
        user = NOBODY
        for path in (work, *work.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    return serve(
        "elasticsearch",
        [str(home / "bin/elasticsearch")],
        work,
        f"http://127.0.0.1:{port}",
        is_healthy,
        keep=keep,
        user=user,
        environment=environment,
    )


def fetch_elasticsearch(folder: Path) -> None:
    artifact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{ELASTICSEARCH_VERSION}:zip"
    maven(f"{DEPENDENCY_PLUGIN}:unpack", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}", cwd=folder)
    unpacked = folder / f"elasticsearch-{ELASTICSEARCH_VERSION}"
    for path in unpacked.iterdir():
        path.rename(folder / path.name)
    unpacked.rmdir()


def find_jdk(least: int) -> Path:
    """Find the home of a JDK of at least this major version: JAVA_HOME, the PATH, then the usual places."""
    places = [Path(home) for name in ("JAVA_HOME", "ES_JAVA_HOME") if (home := os.environ.get(name))]
    if java := shutil.which("java"):
        places.append(Path(java).resolve().parent.parent)
    places += sorted(Path("/usr/lib/jvm").glob("*"))
    places += sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home"))
    for place in places:
        if read_java_version(place) >= least and (place / "bin/java").exists():
            return place
    raise NotThisWay(f"no JDK {least} or later in JAVA_HOME, on the PATH or in /usr/lib/jvm")


def read_java_version(home: Path) -> int:
    """Read the major version that a JDK states in its `release` file; 0 for anything else."""
    try:
        text = (home / "release").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("JAVA_VERSION="):
            return int(line.split('"')[1].split(".")[0])
    return 0


def maven(goal: str, *options: str, cwd: Path) -> None:
    if shutil.which("mvn") is None:
        raise NotThisWay("there is no mvn command")
    run(["mvn", "--batch-mode", "--no-transfer-progress", "--quiet", goal, *options], cwd=cwd)

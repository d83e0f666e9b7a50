"""Who takes part: Tailrace first in each variant, then its peers."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.contender import ENVIRONMENT
from bench.peers.commands import INPUT, OUTPUT, CommandPeer, find_command, tell_missing
from bench.peers.kafka import ROOT, WorkerPeer, list_topic_peers
from bench.peers.port import Peer, Variant
from bench.peers.venvs import find_missing_environment, locate_environment

OURS = "Tailrace"
_VRL_TIME = re.compile(r"(?<=\"@timestamp\": )t'([^']+)'")
_DOWNLOAD = "its project's own packages have it"
_FLUENT_BIT_NAMES = {
    "source.address": "address",
    "user.name": "user",
    "http.request.method": "method",
    "url.original": "url",
    "http.version": "version",
    "http.response.status_code": "status",
    "http.response.body.bytes": "bytes",
    "http.request.referrer": "referrer",
    "user_agent.original": "agent",
    "event.original": "original",
}


def list_peers(server: Callable[[], str] | None = None) -> list[Peer]:
    """All contenders. Those from topic to topic need `server`, which gives a broker's address or raises Unavailable."""
    peers: list[Peer] = [*list_tailrace(), *list_python(), *list_daemons()]
    return [*peers, WorkerPeer(server), *list_topic_peers(server)] if server else peers


def list_tailrace() -> Sequence[Peer]:
    """Ours: the command as users run it, and the same without documents."""
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    return (
        CommandPeer(
            OURS,
            "Tailrace, tailrace parse",
            Variant.JSON,
            lambda folder: [sys.executable, "-m", "pipeline", "parse", INPUT],
            lambda: None,
            stdout=True,
            environment=environment,
        ),
        CommandPeer(
            OURS,
            "Tailrace, parsed frames",
            Variant.NOTHING,
            lambda folder: [sys.executable, "-m", "bench.peers.parse_only", INPUT, _count(folder)],
            lambda: None,
            environment=environment,
        ),
    )


def list_python() -> Sequence[Peer]:
    """The loop that one would write, and Logprep."""
    return (
        CommandPeer(
            "Python",
            "Python loop of regex and json",
            Variant.JSON,
            lambda folder: [sys.executable, "-m", "bench.peers.loop.loop", INPUT, OUTPUT],
            lambda: None,
            share=0.25,
            environment={"PYTHONPATH": str(ROOT)},
        ),
        CommandPeer(
            "Logprep",
            "Logprep 21.1.0, dissector and timestamper",
            Variant.JSON,
            lambda folder: [str(locate_environment("logprep") / "bin" / "logprep"), "run", "pipeline.yml"],
            lambda: find_missing_environment("logprep"),
            source="logprep",
            share=0.1,
            ends=False,
            names={"event.original": "message"},
        ),
    )


def list_daemons() -> Sequence[Peer]:
    """The tools in C, Rust, Go and on the JVM."""

    def run(name: str, *arguments: str) -> Callable[[Path], list[str]]:
        return lambda folder: [
            find_command(name) or name,
            *(text.format(folder=folder) for text in arguments),
        ]

    vector = ("--quiet", "--threads", "1", "--config", "parse.yaml", "--config")
    logstash = ("-f", "file.conf", "--path.data", "{folder}/data", "-w", "1", "--log.level", "error")
    return (
        CommandPeer(
            "rsyslog",
            "rsyslog, mmnormalize",
            Variant.JSON,
            run("rsyslogd", "-n", "-f", "rsyslog.conf", "-i", "{folder}/pid"),
            tell_missing("rsyslogd", "apt-get install --no-install-recommends rsyslog"),
            source="rsyslog",
            ends=False,
        ),
        CommandPeer(
            "VRL",
            "VRL, Vector's language by its own command",
            Variant.JSON,
            run("vrl", "--input", INPUT, "--program", "access.vrl", "--print-object"),
            tell_missing("vrl", "cargo install vrl --version 0.38.0 --locked"),
            source="vector",
            share=0.25,
            stdout=True,
            prepare=_to_json_lines,
            cut=_cut_vrl,
        ),
        CommandPeer(
            "Vector",
            "Vector, parse_regex to a file",
            Variant.JSON,
            run("vector", *vector, "file.yaml"),
            tell_missing("vector", _DOWNLOAD),
            source="vector",
            goal=2.5,
            stdin=True,
        ),
        CommandPeer(
            "Vector",
            "Vector, parse_regex to blackhole",
            Variant.NOTHING,
            run("vector", *vector, "blackhole.yaml"),
            tell_missing("vector", _DOWNLOAD),
            source="vector",
            goal=1.3,
            stdin=True,
        ),
        CommandPeer(
            "Fluent Bit",
            "Fluent Bit, tail with a regex parser to a file",
            Variant.JSON,
            run("fluent-bit", "--quiet", "-c", "file.yaml"),
            tell_missing("fluent-bit", _DOWNLOAD),
            source="fluent_bit",
            names=_FLUENT_BIT_NAMES,
            cut=_cut_out_file,
        ),
        CommandPeer(
            "Fluent Bit",
            "Fluent Bit, tail with a regex parser to null",
            Variant.NOTHING,
            run("fluent-bit", "--quiet", "-c", "null.yaml"),
            tell_missing("fluent-bit", _DOWNLOAD),
            source="fluent_bit",
            goal=1.3,
        ),
        CommandPeer(
            "Bento",
            "Bento, re_find_object",
            Variant.JSON,
            run("bento", "-c", "file.yaml"),
            tell_missing("bento", _DOWNLOAD),
            source="bento",
            goal=8,
        ),
        CommandPeer(
            "Logstash",
            "Logstash, dissect",
            Variant.JSON,
            run("logstash", *logstash),
            tell_missing("logstash", _DOWNLOAD),
            source="logstash",
            share=0.5,
            stdin=True,
            names={"event.original": "message"},
        ),
    )


def _count(folder: Path) -> str:
    return str((folder / INPUT).read_bytes().count(b"\n"))


def _to_json_lines(lines: Path, target: Path) -> None:
    with lines.open(encoding="utf-8") as source, target.open("w", encoding="utf-8") as events:
        for line in source:
            events.write(json.dumps({"message": line.rstrip("\n")}) + "\n")


def _cut_out_file(line: str) -> str:
    """`access: [1773651600.000000000, {…}]` with its time as a field of the document."""
    head, _, document = line.partition(", ")
    time = head.rpartition("[")[2]
    return f'{{"@timestamp": {time}, {document.rstrip()[1:-1]}'


def _cut_vrl(line: str) -> str:
    """`{ "@timestamp": t'2026-03-16T09:00:00Z', … }`: JSON but for the times."""
    return _VRL_TIME.sub(r'"\1"', line, count=1)

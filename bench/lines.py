"""Seeded input: the same bytes in every run. Here the programs are those of the demo, and Apache."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from bench.programs import load_programs, make_named, make_sixty, make_ten
from pipeline.demo.scenario import START, build_scenario
from pipeline.demo.sources import Maker, make_access, make_java, make_sshd

SEED = 7
ACCESS_BYTES = 214
_WORDS = ("lamp", "oak-table", "chair", "desk", "shelf", "rug", "mirror", "vase")


def make_mixed(count: int) -> list[str]:
    """nginx, Apache, sshd and a Java service, one line of this and one of that; some 128 bytes a line."""
    makers = (make_access, make_apache, make_sshd, make_java)
    return _make(count, lambda random, time: random.choices(makers, (35, 25, 20, 20))[0](random, time))


def make_access_only(count: int) -> list[str]:
    """Nginx's combined format at 214 bytes a line: addresses of products pad it."""
    return _make(count, make_long_access)


def make_demo(count: int) -> list[str]:
    """The events of the demo's files, line by line as their times would have them, stack traces joined."""
    files = build_scenario(SEED, count).files.values()
    placed = [(at / len(lines), number, at) for number, lines in enumerate(files) for at in range(len(lines))]
    sources = list(files)
    return [sources[number][at] for _, number, at in sorted(placed)][:count]


def make_apache(random: Random, time: int) -> str:
    """A request in Apache's common format."""
    moment = datetime.fromtimestamp(time // 1000, UTC)
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * moment.month - 3 : 3 * moment.month]
    user = "carol" if random.random() < 0.1 else "-"
    address = f"198.51.100.{random.randrange(1, 255)}"
    stamp = f"{moment.day:02d}/{month}/{moment.year}:{moment:%H:%M:%S} +0000"
    path = f"/catalogue/{random.choice(_WORDS)}/{random.randrange(90_000)}?page={random.randrange(20)}"
    status = 200 if random.random() < 0.9 else 404
    return f'{address} - {user} [{stamp}] "GET {path} HTTP/1.1" {status} {random.randrange(90_000)}'


def make_long_access(random: Random, time: int) -> str:
    """An access line of some 214 bytes; what is missing comes as a longer query."""
    line = make_access(random, time)
    mark = "&" if "?" in line else "?"
    return line.replace(
        " HTTP/1.1", f"{mark}from=".ljust(max(ACCESS_BYTES - len(line), 0), "x") + " HTTP/1.1", 1
    )


MAKERS: dict[str, Callable[[int], list[str]]] = {
    "mixed": make_mixed,
    "access": make_access_only,
    "demo": make_demo,
    "ten": make_ten,
    "sixty": make_sixty,
}


def _make(count: int, make: Maker) -> list[str]:
    random = Random(SEED)
    return [make(random, START + number * 5) for number in range(count)]


def make_envelopes(kind: str, count: int) -> list[bytes]:
    """The lines of a kind of MAKERS as Filebeat sends them; those of "ten" and "sixty" come from a file a program."""
    if kind in ("ten", "sixty"):
        named = make_named(count, load_programs(10 if kind == "ten" else None))
        return [to_envelope(line, number, program.name) for number, (program, line) in enumerate(named)]
    return [to_envelope(line, number) for number, line in enumerate(MAKERS[kind](count))]


def to_envelope(line: str, number: int, program: str = "") -> bytes:
    """The line as Filebeat sends it to Kafka, from one of four hosts if it is a program's."""
    path = f"/var/log/{program}/{program}.log" if program else f"/var/log/app-{number % 4}.log"
    host = number % 4 + 1 if program else 1
    envelope = {
        "@timestamp": "2026-03-16T10:00:00.000Z",
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "9.1.2"},
        "agent": {
            "ephemeral_id": f"0d1c2b3a-1111-4222-8333-44445555666{host + 5}",
            "id": f"6f5e4d3c-aaaa-4bbb-8ccc-ddddeeeefff{host + 1}",
            "name": f"web-{host}",
            "type": "filebeat",
            "version": "9.1.2",
        },
        "ecs": {"version": "8.0.0"},
        "host": {
            "name": f"web-{host}",
            "hostname": f"web-{host}",
            "architecture": "x86_64",
            "os": {"family": "debian"},
        },
        "input": {"type": "filestream"},
        "log": {
            "offset": number * 128,
            "file": {"path": path, "device_id": "2049", "inode": str(9000 + number % 4)},
        },
        "message": line,
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def write_lines(lines: list[str], path: Path) -> None:
    """Keep lines for the contenders; events of several lines stay one record."""
    path.write_text("\0".join(lines), encoding="utf-8", newline="")


def read_lines(path: str) -> list[str]:
    """What `write_lines` kept."""
    return Path(path).read_text(encoding="utf-8").split("\0")


def repeat(values: list[bytes], count: int) -> Iterator[list[bytes]]:
    """`count` values in lists, over and over from the beginning."""
    left = count
    while left > 0:
        yield values[:left]
        left -= len(values)

"""Rules by the thousand, each of a program of its own, in the forms that programs write; and lines of two of them."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from bench.lines import SEED

RULES_A_FILE = 10
_CONSONANTS, _VOWELS = "bcdfgklmnprstvz", "aeiou"
_AREAS = ("cache", "pool", "queue", "router", "scheduler", "session", "store", "worker")
_DONE = ("accepted", "closed", "dropped", "flushed", "loaded", "opened", "refused", "renewed")


def make_name(number: int) -> str:
    """A program's name, another for each number."""
    random = Random(number)
    syllables = "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(3))
    return f"{syllables}{number}"


def make_application(number: int) -> str:
    """A program with a log file of its own: time, level, component, what it did."""
    name, area, done = make_name(number), *_choose(number, 2)
    head = (
        r"^(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{3}) (?P<log.level>[A-Z]+) +"
        rf"{name}\.(?P<log.logger>[\w.]+) \[(?P<process.thread.name>[^\]]*)\]:"
    )
    return _to_rule(
        name,
        [
            rf"{head} {area} {done[0]} by (?P<user.name>\S+) from %{{IP:source.ip}} "
            rf"in %{{NUMBER:{name}.seconds:double}} s$",
            rf"{head} {area} {done[1]}(?:, %{{INT:{name}.left:long}} left)?$",
            rf"{head} (?P<message>.*)$",
        ],
        ["timestamp: {field: ts, formats: ['%Y-%m-%d %H:%M:%S%.f']}"],
    )


def make_daemon(number: int) -> str:
    """A daemon that writes to syslog."""
    name, area, done = make_name(number), *_choose(number, 3)
    return _to_rule(
        name,
        [
            rf"^{area} {done[0]} for (?P<user.name>\S+) from %{{IP:source.ip}}(?: port %{{INT:source.port}})?$",
            rf"^{done[1]} {area}: (?P<error.message>[^(]*)(?: \(%{{INT:error.code}}\))?$",
            rf"^(?:warning|error): {area} (?P<{name}.item>\w+) {done[2]}, (?P<message>.*)$",
        ],
        ["after: syslog", f"when: {{process.name: {name}}}"],
    )


def make_server(number: int) -> str:
    """A server that writes requests, with its name in front."""
    name, random = make_name(number), Random(number)
    order = random.sample(["%{INT:http.response.bytes}", f"%{{NUMBER:{name}.time:double}}"], 2)
    return _to_rule(
        name,
        [
            rf"^{name} %{{IPORHOST:source.address}} \[%{{HTTPDATE:ts}}\] "
            rf'"(?P<http.request.method>[A-Z]+) (?P<url.original>\S+) HTTP/(?P<http.version>[\d.]+)" '
            rf"%{{INT:http.response.status_code}} {' '.join(order)}$",
            rf"^{name} \[%{{HTTPDATE:ts}}\] (?P<log.level>debug|info|notice|warn|error|crit|alert|emerg): "
            r"(?P<message>.*)$",
        ],
        ["timestamp: {field: ts, formats: ['%d/%b/%Y:%H:%M:%S %z']}"],
    )


def make_bracketed(number: int) -> str:
    """A program that writes its name in brackets, and pairs of keys and values."""
    name, random = make_name(number), Random(number)
    area = random.choice(_AREAS)
    return _to_rule(
        name,
        [
            rf"^\[{name}:{area}\] (?P<ts>%{{TIMESTAMP_ISO8601}}) pid=%{{INT:process.pid}} level=(?P<log.level>\w+) "
            rf'msg="(?P<message>[^"]*)"(?: err="(?P<error.message>[^"]*)")?$',
            rf"^\[{name}\] (?P<ts>%{{TIMESTAMP_ISO8601}}) (?P<message>.*)$",
        ],
        ["timestamp: {field: ts}"],
    )


MAKERS: tuple[Callable[[int], str], ...] = (
    make_application,
    make_daemon,
    make_server,
    make_daemon,
    make_bracketed,
)


def write_rules(folder: Path, count: int, first: int = 0, changed: int = 0) -> None:
    """Writes `count` rules into files of `RULES_A_FILE`, beginning with number `first`; some of them `changed`."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [MAKERS[number % len(MAKERS)](number) for number in range(first, first + count)]
    for place in range(0, count, count // changed) if changed else ():
        texts[place] = (
            texts[place].replace(".*)$", ".+)$").replace(r"(?P<user.name>\S+)", r"(?P<user.name>[^ ]+)")
        )
    for start in range(0, count, RULES_A_FILE):
        path = folder / f"programs-{start:04}.yml"
        path.write_text("---\n".join(texts[start : start + RULES_A_FILE]), encoding="utf-8")


def make_application_lines(count: int) -> list[str]:
    """Lines of rule 0, all its forms."""
    name, area, done, random = make_name(0), *_choose(0, 2), Random(SEED)
    lines = []
    for number in range(count):
        head = (
            f"2026-03-16 10:{number // 60 % 60:02}:{number % 60:02}.{random.randrange(1000):03} "
            f"{random.choice(('INFO', 'WARN'))} {name}.web.{random.choice(_AREAS)} [main-{random.randrange(9)}]: "
        )
        forms = (
            f"{area} {done[0]} by carol from 192.0.2.{random.randrange(1, 255)} in 0.{random.randrange(1000):03} s",
            f"{area} {done[1]}, {random.randrange(900)} left",
            f"{random.choice(_DONE)} {random.choice(_AREAS)} number {random.randrange(90_000)}",
        )
        lines.append(head + random.choice(forms))
    return lines


def make_daemon_lines(count: int) -> list[str]:
    """Lines of rule 1, all its forms."""
    name, area, done, random = make_name(1), *_choose(1, 3), Random(SEED)
    lines = []
    for number in range(count):
        host, pid = random.randrange(1, 5), random.randrange(9000)
        head = f"Mar 16 10:{number // 60 % 60:02}:{number % 60:02} web-{host} {name}[{pid}]: "
        forms = (
            f"{area} {done[0]} for carol from 192.0.2.{random.randrange(1, 255)} port {random.randrange(1, 60_000)}",
            f"{done[1]} {area}: no such device ({random.randrange(40)})",
            f"warning: {area} item{random.randrange(900)} {done[2]}, trying again",
        )
        lines.append(head + random.choice(forms))
    return lines


def _choose(number: int, count: int) -> tuple[str, list[str]]:
    """What a program deals with, and what it does."""
    random = Random(number)
    return random.choice(_AREAS), random.sample(_DONE, count)


def _to_rule(name: str, patterns: list[str], more: list[str]) -> str:
    head = [f"name: {name}", f"description: the program {name}", f"dataset: {name}", *more]
    listed = [f"  - '{pattern}'" for pattern in patterns]
    return "\n".join([*head, "patterns:", *listed, f"set: {{event.module: {name}}}"]) + "\n"

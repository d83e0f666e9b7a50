"""Lines as shippers send them, with all that has to come of them: what was issued is what the tests judge by."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

MINUTE = 60_000
THRESHOLD = 10
"""Of the shipped burst rule `errors`, which counts a minute's errors of one dataset on one host."""

ACCESS, ERRORS, SHOP = "/var/log/nginx/access.log", "/var/log/nginx/error.log", "/srv/shop/shop.log"


@dataclass(frozen=True, slots=True)
class Line:
    """A raw record, and what its document must say. `host`, `path`, `offset`: None where no envelope names them.

    `time`: epoch ms. `error`: the dataset for which the line counts as an error, None if it is none.
    """

    value: bytes
    original: str
    time: int
    host: str | None = None
    path: str | None = None
    offset: int | None = None
    error: str | None = None

    @property
    def obligation(self) -> tuple[str, str | None, str | None, int | None]:
        """What identifies the line among all documents."""
        return self.original, self.host, self.path, self.offset


@dataclass(frozen=True, slots=True, order=True)
class Burst:
    """A burst that must be found: window start in epoch ms."""

    start: int
    rule: str
    dataset: str
    host: str | None
    count: int


def choose_start(minutes: int = 10) -> int:
    """A whole minute, that long ago; epoch ms. Not a fixed day: Kafka deletes records that are a week old."""
    return (int(time.time()) // 60 - minutes) * MINUTE


def build_lines(count: int, start: int, minutes: int = 5, seed: int = 1) -> list[Line]:
    """Some `count` lines of three hosts in order of time over `minutes`, two bursts and odd lines among them.

    The bursts lie in the second and third minute: `minutes` of 5 leave enough behind them to close their windows.
    """
    random = Random(seed)
    offsets: Counter[tuple[str, str]] = Counter()
    moments = [start + index * minutes * MINUTE // count for index in range(count)]
    lines = [_make_usual(random, number, moment, offsets) for number, moment in enumerate(moments)]
    lines += [
        _make_shop_error(f"web-2 {number}", start + 80_000 + number * 250, "web-2", offsets)
        for number in range(240)  # a minute that begins in the second window and ends in the third
    ]
    lines += [
        _make_nginx_error(10**6 + number, start + 125_000 + number * 300, "web-1", offsets)
        for number in range(150)
    ]
    lines += [odd for odd in _make_odd_lines(start + 2 * MINUTE, offsets)]
    return sorted(lines, key=lambda line: line.time)


def find_bursts(lines: Iterable[Line]) -> list[Burst]:
    """Count the errors of the lines as the rule `errors` has to."""
    counts = Counter(
        (line.time // MINUTE * MINUTE, line.error, line.host) for line in set(lines) if line.error is not None
    )
    return sorted(
        Burst(window, "errors", dataset, host, count)
        for (window, dataset, host), count in counts.items()
        if count >= THRESHOLD
    )


def to_filebeat(message: str, moment: int, host: str | None, path: str, offset: int, **more: object) -> bytes:
    """An envelope of Filebeat's Kafka output."""
    event: dict[str, object] = {
        "@timestamp": to_iso(moment),
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.19.0"},
        "message": message,
        "log": {"offset": offset, "file": {"path": path}},
        "input": {"type": "filestream"},
        "ecs": {"version": "8.0.0"},
        "agent": {"type": "filebeat", "version": "8.19.0", "id": f"agent-of-{host}", "name": host or "any"},
        **more,
    }
    if host is not None:
        event["host"] = {"name": host}
    return json.dumps(event, ensure_ascii=False).encode()


def to_vector(message: str, moment: int, host: str | None, path: str, offset: int) -> bytes:
    """An event of Vector's file source with `offset_key: offset`, sent by its Kafka sink as JSON."""
    event: dict[str, object] = {"file": path, "message": message, "offset": offset, "source_type": "file"}
    if host is not None:
        event["host"] = host
    return json.dumps({**event, "timestamp": to_iso(moment)}, ensure_ascii=False).encode()


def to_iso(moment: int) -> str:
    """Epoch ms as Filebeat writes it."""
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment % 1000:03d}Z"


def cut(lines: Sequence[Line], size: int) -> list[Sequence[Line]]:
    """The lines in chunks."""
    return [lines[start : start + size] for start in range(0, len(lines), size)]


def _make_usual(random: Random, number: int, moment: int, offsets: Counter[tuple[str, str]]) -> Line:
    host = f"web-{number % 3}"
    if number % 1000 < 3:  # strays: too few in a minute for a burst
        return _make_nginx_error(number, moment, host, offsets)
    clock = datetime.fromtimestamp(moment / 1000, UTC)
    if random.random() < 0.2:
        text = f"{clock:%Y-%m-%d %H:%M:%S},{moment % 1000:03d} [main] INFO  com.example.Shop - order {number} done"
        return _ship(text, moment, host, SHOP, offsets)
    text = (
        f"10.0.{number % 7}.{number % 250} - - [{clock:%d/%b/%Y:%H:%M:%S} +0000]"
        f' "GET /item/{number} HTTP/1.1" 200 {random.randrange(9999)} "-" "curl/8.5"'
    )
    return _ship(text, moment, host, ACCESS, offsets)


def _make_nginx_error(number: int, moment: int, host: str, offsets: Counter[tuple[str, str]]) -> Line:
    clock = datetime.fromtimestamp(moment / 1000, UTC)
    text = (
        f'{clock:%Y/%m/%d %H:%M:%S} [error] 812#812: *{number} open() "/srv/x" failed (2: No such file or directory),'
        ' client: 10.0.0.1, server: shop, request: "GET /x HTTP/1.1", host: "shop"'
    )
    return _ship(text, moment // 1000 * 1000, host, ERRORS, offsets, "nginx.error")


def _make_shop_error(name: str, moment: int, host: str, offsets: Counter[tuple[str, str]]) -> Line:
    """With its stack trace, which the shipper has joined."""
    clock = datetime.fromtimestamp(moment / 1000, UTC)
    text = (
        f"{clock:%Y-%m-%d %H:%M:%S},{moment % 1000:03d} [main] ERROR com.example.Shop - order {name} failed\n"
        "java.lang.IllegalStateException: no connection left\n"
        "\tat com.example.Pool.take(Pool.java:71)\n"
        "\tat com.example.Shop.order(Shop.java:19)"
    )
    return _ship(text, moment, host, SHOP, offsets, "java.log")


def _make_odd_lines(moment: int, offsets: Counter[tuple[str, str]]) -> list[Line]:
    texts = (
        "",
        "a NUL \0 in a line",
        "\x1b[31mERROR\x1b[0m in red",
        "žluťoučký kůň 🐎",
        "  blank at both ends  ",
    )
    odd = [_ship(text, moment, "web-0", "/srv/odd.log", offsets) for text in texts]
    bare = (
        b"",
        b"\xff\xfe caf\xe9 is not UTF-8",
        b'{"@timestamp":"2026-07-01T10:00:00.000Z","message":"cut o',
    )
    return odd + [Line(value, value.decode("utf-8", "replace"), moment) for value in bare]


def _ship(
    text: str,
    moment: int,
    host: str,
    path: str,
    offsets: Counter[tuple[str, str]],
    error: str | None = None,
) -> Line:
    offset = offsets[host, path]
    offsets[host, path] += len(text.encode()) + 1
    return Line(to_filebeat(text, moment, host, path, offset), text, moment, host, path, offset, error)

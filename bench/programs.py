"""Lines of ten and of sixty programs, interleaved line by line: seeded, so the same bytes in every run.

The templates are in `programs.txt`. A program's share follows its rank: the n-th writes 1/n as much as the first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import TypeAlias

from pipeline.demo.scenario import START

SEED = 7
TEN = 10
# Epoch milliseconds from one line to the next: 200 lines a second over all programs.
STEP = 5
TEMPLATES = Path(__file__).with_name("programs.txt")

Piece: TypeAlias = Callable[[Random, int], str]
"""Writes a part of a line as at an epoch millisecond."""

_WORDS = (
    "lamp",
    "chair",
    "desk",
    "shelf",
    "rug",
    "mirror",
    "vase",
    "sofa",
    "table",
    "clock",
    "cart",
    "stock",
    "price",
    "mail",
)
_CLASSES = ("CartService", "StockService", "PriceService", "MailService", "OrderService", "ExportJob")
_USERS = ("alice", "bob", "carol", "deploy", "backup", "shop")
_STRANGERS = ("admin", "test", "oracle", "ubuntu", "guest", "pi", "postgres")
_REFERRERS = ("-", "https://shop.example.org/", "https://shop.example.org/catalogue/lamp?page=3")
_PATHS = (
    "/",
    "/cart",
    "/checkout/address",
    "/static/shop-4f5c9d.css",
    "/static/shop-1a2b3c.js",
    "/img/logo.svg",
    "/favicon.ico",
    "/catalogue/lamp/4711",
    "/catalogue/oak-table/812/pictures/3.webp",
    "/api/v1/stock",
    "/api/v1/orders/90417/lines",
)
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "shop-app/4.2 (Android 15)",
    "probe/1.0",
)


@dataclass(frozen=True, slots=True)
class Program:
    """A program's name, the rules that may take its lines, and its templates with the sums of their weights."""

    name: str
    rules: tuple[str, ...]
    templates: tuple[tuple[Piece, ...], ...]
    weights: tuple[int, ...]

    def write(self, random: Random, time: int) -> str:
        """One event as at an epoch millisecond."""
        pieces = random.choices(self.templates, cum_weights=self.weights)[0]
        return "".join([piece(random, time) for piece in pieces])


def load_programs(count: int | None = None, path: Path = TEMPLATES) -> list[Program]:
    """The first `count` programs of the file, or all. ValueError for a line that is none of its forms."""
    sections: list[tuple[str, tuple[str, ...], list[tuple[int, str]]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("== "):
            _, name, *rules = line.split()
            sections.append((name, tuple(rules), []))
        elif line and not line.startswith("#"):
            weight, _, template = line.partition(" ")
            if not weight.isdigit() or not sections:
                raise ValueError(f"{path}:{number}: no template: write WEIGHT TEMPLATE below a == PROGRAM")
            sections[-1][2].append((int(weight), template))
    return [
        Program(
            name,
            rules,
            tuple(compile_template(template) for _, template in templates),
            tuple(accumulate(weight for weight, _ in templates)),
        )
        for name, rules, templates in sections[:count]
    ]


def compile_template(template: str) -> tuple[Piece, ...]:
    """The pieces of a template. ValueError for a value that is not known."""
    pieces: list[Piece] = []
    for at, part in enumerate(template.replace("»", "«").split("«")):
        if at % 2:
            name, _, rest = part.partition(" ")
            if name not in _VALUES:
                raise ValueError(f"«{part}» is no value: use one of {', '.join(_VALUES)}")
            pieces.append(_VALUES[name](rest))
        elif part:
            text = part.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
            pieces.append(lambda _random, _time, text=text: text)  # type: ignore[misc]
    return tuple(pieces)


def make_named(count: int, programs: Sequence[Program], seed: int = SEED) -> list[tuple[Program, str]]:
    """`count` events and who wrote them; as long as there are enough, every program is among them."""
    random = Random(seed)
    shares = list(accumulate(1 / rank for rank in range(1, len(programs) + 1)))
    first = random.sample(list(programs), len(programs))
    return [
        (program, program.write(random, START + number * STEP))
        for number, program in enumerate(
            (first + random.choices(programs, cum_weights=shares, k=max(count - len(first), 0)))[:count]
        )
    ]


def make_ten(count: int) -> list[str]:
    """Web servers, a database, a Java and a Go service and a host's own programs."""
    return [line for _, line in make_named(count, load_programs(TEN))]


def make_sixty(count: int) -> list[str]:
    """These, and fifty more, rarer ones."""
    return [line for _, line in make_named(count, load_programs())]


def _pick(values: Sequence[str]) -> Piece:
    return lambda random, _: values[int(random.random() * len(values))]


def _number(rest: str) -> Piece:
    low, high = map(int, rest.split())
    return lambda random, _: str(low + int(random.random() * (high - low + 1)))


def _hex(rest: str) -> Piece:
    digits = int(rest)
    return lambda random, _: f"{random.getrandbits(4 * digits):0{digits}x}"


def _time(form: str) -> Piece:
    known: dict[int, str] = {}

    def write(_: Random, time: int) -> str:
        second = time // 1000
        if second not in known:
            known.clear()
            known[second] = datetime.fromtimestamp(second, UTC).strftime(form)
        return known[second]

    return write


def _uuid(_: str) -> Piece:
    def write(random: Random, _: int) -> str:
        text = f"{random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    return write


def _address(random: Random, _: int) -> str:
    number = int(random.random() * 512)
    return f"{'203.0.113' if number < 256 else '198.51.100'}.{number % 256}"


_VALUES: dict[str, Callable[[str], Piece]] = {
    "address": lambda _: _address,
    "inner": lambda _: lambda random, _: f"192.0.2.{int(random.random() * 256)}",
    "port": lambda _: _number("32768 60999"),
    "int": _number,
    "hex": _hex,
    "uuid": _uuid,
    "pick": lambda rest: _pick(rest.split("|")),
    "time": _time,
    "ms": lambda _: lambda _random, time: f"{time % 1000:03d}",
    "us": lambda _: lambda random, time: f"{time % 1000:03d}{int(random.random() * 1000):03d}",
    "epoch": lambda _: lambda _random, time: str(time // 1000),
    "path": lambda _: _pick(_PATHS),
    "agent": lambda _: _pick(_AGENTS),
    "referrer": lambda _: _pick(_REFERRERS),
    "word": lambda _: _pick(_WORDS),
    "class": lambda _: _pick(_CLASSES),
    "user": lambda _: _pick(_USERS),
    "stranger": lambda _: _pick(_STRANGERS),
}

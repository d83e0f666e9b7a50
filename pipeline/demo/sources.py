"""The programs of the demo and the lines they write. All names and texts are invented."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import TypeAlias

Maker: TypeAlias = Callable[[Random, int], str]
"""Writes one event as at an epoch millisecond; its lines are joined by newlines."""

_PAGES = (
    "/",
    "/cart",
    "/checkout",
    "/login",
    "/search?q=lamp",
    "/search?q=oak+table",
    "/api/v1/stock",
    "/api/v1/orders",
)
_ASSETS = ("/static/shop.css", "/static/shop.js", "/img/logo.svg", "/favicon.ico", "/fonts/text.woff2")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "shop-app/4.2 (Android 15)",
    "probe/1.0",
)
_USERS = ("alice", "bob", "carol", "deploy", "backup")
_STRANGERS = ("admin", "test", "oracle", "ubuntu", "guest", "pi")
_TABLES = ("orders", "cart_item", "customer", "stock_level", "shipment")
_SERVICES = ("CartService", "StockService", "PriceService", "MailService", "OrderService")


@dataclass(frozen=True, slots=True)
class Source:
    """One log file: its share of all lines, its usual events, and a rare event that counts as an error."""

    path: str
    share: float
    make: Maker
    make_stray: Maker


def make_access(random: Random, time: int) -> str:
    """An answered request in nginx's combined format."""
    path = _pick(random, _PAGES) if random.random() < 0.4 else _pick(random, _ASSETS)
    dice = random.random()
    status = 200 if dice < 0.86 else 304 if dice < 0.94 else 302 if dice < 0.97 else 404
    return _to_access(random, time, path, status)


def make_access_error(random: Random, time: int) -> str:
    """A request that failed in the service behind nginx."""
    return _to_access(random, time, "/api/v1/stock", 500)


def make_nginx_warning(random: Random, time: int) -> str:
    """A large answer that nginx put into a file."""
    number = int(random.random() * 1e6)
    return (
        f"{_moment(time).slashed} [warn] 812#812: *{number} an upstream response is buffered to a temporary file "
        f"/var/cache/nginx/proxy_temp/{number % 10}/{number:010d} while reading upstream, "
        f"client: {_address(random)}, "
        f'server: shop.example.org, request: "GET /api/v1/orders HTTP/1.1", '
        'upstream: "http://10.0.0.7:8080/api/v1/orders", host: "shop.example.org"'
    )


def make_nginx_error(random: Random, time: int) -> str:
    """A file that is not there."""
    number = int(random.random() * 1e6)
    return (
        f'{_moment(time).slashed} [error] 812#812: *{number} open() "/srv/shop/robots.txt" failed (2: No such file or '
        f"directory), client: {_address(random)}, server: shop.example.org, "
        f'request: "GET /robots.txt HTTP/1.1", host: "shop.example.org"'
    )


def make_sshd(random: Random, time: int) -> str:
    """Logins, and strangers who try."""
    head = f"{_moment(time).syslog} web-1 sshd[{2000 + int(random.random() * 3000)}]: "
    place = f"{_address(random)} port {40000 + int(random.random() * 20000)}"
    dice = random.random()
    if dice < 0.35:
        return f"{head}Failed password for invalid user {_pick(random, _STRANGERS)} from {place} ssh2"
    if dice < 0.6:
        return f"{head}Invalid user {_pick(random, _STRANGERS)} from {place}"
    if dice < 0.8:
        return f"{head}Connection closed by authenticating user root {place} [preauth]"
    if dice < 0.9:
        return f"{head}Accepted publickey for {_pick(random, _USERS)} from {place} ssh2: ED25519 SHA256:4vQ9demoKeyOnly"
    return f"{head}Disconnected from user {_pick(random, _USERS)} {place}"


def make_java(random: Random, time: int) -> str:
    """What a shop does all day, and now and then a slow answer."""
    head = f"{_moment(time).comma},{time % 1000:03d} [http-nio-8080-exec-{1 + int(random.random() * 40)}]"
    service = _pick(random, _SERVICES)
    number = int(random.random() * 90000)
    if random.random() < 0.03:
        return f"{head} WARN  com.example.shop.{service} - slow answer for order {number}: {300 + number % 900} ms"
    return f"{head} INFO  com.example.shop.{service} - order {number} done in {1 + number % 80} ms"


def make_java_error(random: Random, time: int) -> str:
    """A single mishap, with its stack trace."""
    head = f"{_moment(time).comma},{time % 1000:03d} [mail-{1 + int(random.random() * 4)}]"
    return (
        f"{head} ERROR com.example.shop.MailService - cannot send the receipt of order {int(random.random() * 90000)}\n"
        "java.net.SocketTimeoutException: Read timed out\n"
        "\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)\n"
        "\tat com.example.shop.mail.Smtp.send(Smtp.java:91)\n"
        "\tat com.example.shop.MailService.sendReceipt(MailService.java:44)"
    )


def make_pool_exhausted(random: Random, time: int) -> str:
    """The burst in the Java service: no database connection is left for the nightly export."""
    head = f"{_moment(time).comma},{time % 1000:03d} [export-{1 + int(random.random() * 16)}]"
    return (
        f"{head} ERROR com.example.shop.ExportJob - connection pool exhausted, order {int(random.random() * 90000)} "
        "is not exported\n"
        "java.sql.SQLTransientConnectionException: ShopPool - Connection is not available, request timed out "
        "after 30000ms (total=20, active=20, idle=0, waiting=37)\n"
        "\tat com.example.pool.ConnectionPool.borrow(ConnectionPool.java:188)\n"
        "\tat com.example.shop.db.Orders.load(Orders.java:57)\n"
        "\tat com.example.shop.ExportJob.run(ExportJob.java:33)\n"
        "Caused by: java.util.concurrent.TimeoutException: no connection within 30000 ms\n"
        "\tat com.example.pool.Waiters.await(Waiters.java:72)\n"
        "\t... 2 more"
    )


def make_postgresql(random: Random, time: int) -> str:
    """Statements with their durations, and checkpoints."""
    head = f"{_moment(time).comma}.{time % 1000:03d} UTC [{900 + int(random.random() * 60)}]"
    if random.random() < 0.02:
        return f"{head} LOG:  checkpoint starting: time"
    return (
        f"{head} shop@shop LOG:  duration: {random.random() * 40:.3f} ms  statement: "
        f"SELECT * FROM {_pick(random, _TABLES)} WHERE id = {int(random.random() * 90000)}"
    )


def make_postgresql_error(random: Random, time: int) -> str:
    """An order that came in twice."""
    head = f"{_moment(time).comma}.{time % 1000:03d} UTC [{900 + int(random.random() * 60)}] shop@shop"
    return f'{head} ERROR:  duplicate key value violates unique constraint "orders_pkey"'


def make_too_many_connections(random: Random, time: int) -> str:
    """The burst in the database: a report has taken all connections."""
    head = f"{_moment(time).comma}.{time % 1000:03d} UTC [{3000 + int(random.random() * 900)}] report@shop"
    return f"{head} FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute"


def make_kernel(random: Random, time: int) -> str:
    """Packets that the firewall dropped, and a cable that came loose."""
    head = f"{_moment(time).syslog} web-1 kernel: [{81000 + time % 10_000_000 / 1000:.6f}] "
    if random.random() < 0.1:
        return f"{head}eth1: link becomes ready"
    port = 1024 + int(random.random() * 60000)
    return (
        f"{head}DROP: IN=eth0 OUT= MAC=02:00:5e:10:00:01:02:00:5e:10:00:02:08:00 SRC={_address(random)} DST=192.0.2.10 "
        f"LEN=40 TOS=0x00 PREC=0x00 TTL=244 ID={port} PROTO=TCP SPT={port} DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0"
    )


def make_kernel_error(random: Random, time: int) -> str:
    """A process that fell over."""
    head = f"{_moment(time).syslog} web-1 kernel: [{81000 + time % 10_000_000 / 1000:.6f}] "
    return (
        f"{head}thumbnailer[{5000 + int(random.random() * 900)}]: segfault at 10 ip 00007f3a8c0b1d2e "
        "sp 00007ffd5e3c9a10 error 4 in libdraw.so[7f3a8c000000+200000]"
    )


ACCESS = Source("nginx/access.log", 0.80, make_access, make_access_error)
NGINX_ERROR = Source("nginx/error.log", 0.01, make_nginx_warning, make_nginx_error)
SSHD = Source("system/auth.log", 0.02, make_sshd, make_sshd)
SHOP = Source("app/shop.log", 0.11, make_java, make_java_error)
DATABASE = Source("postgresql/postgresql.log", 0.05, make_postgresql, make_postgresql_error)
KERNEL = Source("system/kern.log", 0.01, make_kernel, make_kernel_error)
SOURCES = (ACCESS, NGINX_ERROR, SSHD, SHOP, DATABASE, KERNEL)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A second in the forms of the programs, in UTC."""

    access: str
    slashed: str
    comma: str
    syslog: str


def _moment(time: int) -> _Moment:
    return _to_moment(time // 1000)


@lru_cache(maxsize=1024)
def _to_moment(second: int) -> _Moment:
    moment = datetime.fromtimestamp(second, UTC)
    # %b and %d would follow the locale, and pad the day as syslog does not.
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[
        moment.month - 1
    ]
    clock = f"{moment:%H:%M:%S}"
    return _Moment(
        access=f"{moment.day:02d}/{month}/{moment.year}:{clock} +0000",
        slashed=f"{moment.year}/{moment.month:02d}/{moment.day:02d} {clock}",
        comma=f"{moment.year}-{moment.month:02d}-{moment.day:02d} {clock}",
        syslog=f"{month} {moment.day:2d} {clock}",
    )


def _to_access(random: Random, time: int, path: str, status: int) -> str:
    size = 0 if status == 304 else int(200 + random.random() * 9000)
    referrer = "https://shop.example.org/" if random.random() < 0.5 else "-"
    return (
        f'{_address(random)} - - [{_moment(time).access}] "GET {path} HTTP/1.1" {status} {size} '
        f'"{referrer}" "{_pick(random, _AGENTS)}"'
    )


def _address(random: Random) -> str:
    number = int(random.random() * 508)
    return f"203.0.113.{number % 254 + 1}" if number < 254 else f"198.51.100.{number % 254 + 1}"


def _pick(random: Random, items: tuple[str, ...]) -> str:
    return items[int(random.random() * len(items))]

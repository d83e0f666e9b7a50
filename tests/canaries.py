"""Secrets that must get out nowhere, lines that hold them in every form, and a search for the least trace of them."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

# No part of one occurs in anything else that the tests write, the seconds of a time among it.
CANARIES: Mapping[str, str] = {
    "email": "Zwitscher.Vogel+gelb@kaefig-und-stange.example",
    "ipv4": "203.0.113.87",
    "ipv6": "2001:db8:77aa:55ee::c0c0",
    "card": "4929135768024683",
    "card_groups": "5274-5763-9425-9961",
    "bearer": "Qw7Zk9Xj2Vb5Nn8Mm4",
    "aws": "AKIAJXQ7WVZ5KYPRTB2M",
    "github": "ghp_wXqZ81kJvN3rTyUbG7dLcMa45sQ",
    "slack": "xoxb-718293645012-qVrWzXyKj",
    "jwt": "eyJqX5cm9sZSI6.eyJzdXpWIjoi.Kx8vQz7WpL",
    "password": "Grashuepfer!77",
    "key": "\n".join(
        (
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvWxkzQpJ3hVbWq8ZrT5uNcLk2XvYb7MsPdGfAe4HjKo6QiCz0UyRnBtElVxw",
            "qLmZtY8sNcXoUrJh3WvKpDfG5bQeAi7TzMxRn2ByCk9LgHuVsOjPwEd4FaIl6XqN",
            "-----END PRIVATE KEY-----",
        )
    ),
    "badge": "HX-448812",
}
BADGE = r"HX-\d{6}"
# A window of this many characters of a canary is a trace of it.
WINDOW = 6
_COMMON = re.compile(r"PRIVATE KEY|BEGIN |-----|END |\.exampl|example")


def list_traces(canary: str) -> set[str]:
    """Pieces that stand for a canary: all its windows, but for those that are no secret."""
    text = _COMMON.sub("\n", canary)
    return {
        text[at : at + WINDOW] for at in range(len(text) - WINDOW + 1) if "\n" not in text[at : at + WINDOW]
    }


TRACES: Mapping[str, str] = {
    trace: name for name, canary in CANARIES.items() for trace in list_traces(canary)
}


def find_traces(output: str | bytes) -> set[str]:
    """The names of the canaries of which something is in an output: as it is, escaped or in base64."""
    text = output if isinstance(output, str) else output.decode("utf-8", "replace")
    texts = [text, *_decode_base64(text)]
    # Case, and what separates digits, hide nothing.
    texts += [re.sub(r"[ -]", "", part) for part in texts]
    folded = "\n".join(texts).lower()
    return {name for trace, name in TRACES.items() if trace.lower() in folded}


def _decode_base64(text: str) -> list[str]:
    words = (word[: len(word) // 4 * 4] for word in re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", text))
    return [base64.b64decode(word).decode("latin-1") for word in words]


def read_folder(folder: Path) -> Iterable[tuple[Path, str]]:
    """Every file below a folder as text; Parquet by its values, which are compressed in the file, and by its bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                frame = pl.read_parquet(path, hive_partitioning=False)
                yield path, "\n".join(str(row) for row in frame.iter_rows())


def build_lines() -> list[str]:
    """Events that hold the canaries: parsed by several rules, unparsed, of several lines, with structured bodies."""
    c = CANARIES
    access = (
        f"{c['ipv4']} - {c['email']} [01/Jul/2026:10:00:00 +0000] "
        f'"GET /pay?mail={c["email"].replace("@", "%40")}&card={c["card"]}&token={c["bearer"]} HTTP/1.1" 200 17 '
        f'"https://shop:{c["password"]}@example.com/" "probe/1.0 {c["jwt"]}"'
    )
    body = {
        "level": "error",
        "message": f"for {c['email']}\nfrom {c['ipv6']}",
        "password": c["password"],
        "card": int(c["card"]),
        "nested": {
            "headers": [{"Authorization": f"Bearer {c['bearer']}"}],
            "text": json.dumps({"secret": c["password"]}),
        },
        "user": {"name": c["email"], "id": c["badge"]},
    }
    java = (
        f"2026-07-01 10:00:00,120 ERROR [main] com.example.Shop - rejected {c['card_groups']} of {c['email']}\n"
        f"com.example.ShopException: password={c['password']} at {c['ipv4']}\n"
        f"\tat com.example.Shop.pay(Shop.java:17)\n{c['key']}"
    )
    return [
        access,
        f"Jul  1 10:00:00 web-1 sshd[7]: Failed password for {c['badge']} from {c['ipv4']} port 22 ssh2",
        f"Jul  1 10:00:01 web-1 sshd[7]: Accepted publickey for {c['email']} from {c['ipv6']} port 22 ssh2",
        json.dumps(body),
        json.dumps(body).replace("@", r"\u0040"),
        f'level=warn msg="token: {c["github"]}" addr={c["ipv4"]} user={c["email"]} password="{c["password"]}"',
        java,
        f"nobody knows {c['email']} {c['card']} {c['aws']} {c['slack']} {c['badge']} {c['ipv6']} {c['ipv4']}",
        f"Authorization: Basic {c['bearer']} api_key={c['password']} {c['jwt']} {c['github']}",
        c["key"].replace("\n", "\\n"),
    ]


def build_records() -> list[bytes]:
    """The same as raw records of Kafka: bare, in envelopes of a shipper, not UTF-8, and broken."""
    lines = build_lines()
    c = CANARIES
    envelopes = [
        json.dumps(
            {
                "@timestamp": "2026-07-01T10:00:00.000Z",
                "message": line,
                "log": {"offset": 100 * number, "file": {"path": f"/home/{c['email']}/app.log"}},
                "host": {"name": "web-1", "ip": [c["ipv4"], c["ipv6"]]},
                "fields": {"owner": c["email"], "token": c["jwt"]},
                "tags": [c["badge"], "shop"],
            }
        ).encode()
        for number, line in enumerate(lines)
    ]
    broken = [line.encode() + b" \xff\xfe caf\xe9 " + c["email"].encode() for line in lines]
    halves = [b'{"message": "' + c["email"].encode() + b" " + c["card"].encode() + b'", "log": ']
    return [*(line.encode() for line in lines), *envelopes, *broken, *halves]


MASKS = [
    {"field": "*", "kind": "token"},
    {"field": "*", "kind": "email", "how": "hash"},
    {"field": "*", "kind": "card"},
    {"field": "*", "kind": "ipv6"},
    {"field": "*", "kind": "ipv4", "how": "hash"},
    {"field": "*", "kind": "custom", "pattern": BADGE},
]
MASK_KEY = "a key of the tests"

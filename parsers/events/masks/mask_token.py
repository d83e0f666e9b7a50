r"""Secrets that programs write into logs: headers, keys of clouds and services, `password=...`, private keys.

One pattern in the syntax that Rust's regex and Python's `re` share. Each alternative names what is to be masked in
it: the group `v` and a number. Values in quotes end at the quote, also where the whole stands in a JSON text (`\"`).
"""

import re
from typing import Final

# A hint: texts without any of these, in either case, hold none.
TOKEN_WORDS: Final = (
    "authorization", "bearer ", "basic ", "password", "passwd", "passphrase", "pwd", "secret", "credential",
    "api_key", "apikey", "api-key", "access_key", "access-key", "accesskey", "token", "private key",
    "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xapp-", "eyj",
    "sk_live", "sk_test", "rk_live", "rk_test", "sk-", "aiza", "npm_", "://",
)  # fmt: skip

_KEY: Final = (
    r"(?:pass(?:word|wd|phrase)|pwd|(?:client_?)?secret(?:_?key)?|credentials?|api[_-]?key|apikey"
    r"|access[_-]?key|accesskey|private[_-]?key|token)"
)
# How the value follows its key: `=`, `: `, ` => `, in JSON, in XML, as a command's option.
_GAP: Final = r"""\\{0,32}["']?\]?(?:\s*(?:=>|:=|=|:|>)\s*\[?)"""
_VALUE: Final = (
    r"""(?:\\{1,32}["'](?P<vA>.*?)(?:\\{1,32}["'](?:[\s,;&<})\]\\"']|(?m:$))|(?m:$))"""
    r"""|"(?P<vB>(?:[^"\\]|\\.)*)"?|'(?P<vC>(?:[^'\\]|\\.)*)'?"""
    r"""|(?P<vD>[^\s,;&"'<>(){}\[\]\\]+))"""
)


def _value(name: str) -> str:
    """The value in any quotes, its groups named apart."""
    return re.sub(r"\(\?P<v([A-D])>", rf"(?P<v\g<1>{name}>", _VALUE)


# A line of a key whose lines are events of their own: RFC 7468 cuts at 64 characters, OpenSSH at 70, MIME at 76.
KEY_LINE: Final = r"(?m:^[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{6}){0,2}\r?$)"
_ALTERNATIVES: Final = (
    rf"(?P<v0>{KEY_LINE})",
    r"(?P<v1>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
    r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$))",
    rf"(?i:(?:proxy-)?authorization){_GAP}(?i:(?:\\{{0,32}}[\"']?)(?:bearer|basic|token|negotiate|apikey|digest)\s+)"
    r"(?P<v2>[^\s,;\"'<>\\]+)",
    rf"(?i:(?:proxy-)?authorization){_GAP}" + _value("a"),
    r"(?i:bearer|basic)\s+(?P<v3>[A-Za-z0-9._~+/=-]{8,})",
    r"(?P<v4>eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?)",
    r"(?P<v5>(?:AKIA|ASIA)[A-Z0-9]{12,})",
    r"(?P<v6>gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,})",
    r"(?P<v7>xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,})",
    r"(?P<v8>(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,})",
    r"://[^\s:/@\"']*:(?P<v9>[^\s/@\"']+)@",
    rf"(?i:{_KEY}){_GAP}" + _value("b"),
    rf"--?(?i:{_KEY})\s+" + _value("c"),
)
TOKEN_PATTERN: Final = "|".join(f"(?:{alternative})" for alternative in _ALTERNATIVES)
_TOKEN: Final = re.compile(TOKEN_PATTERN)
_JSON_NUMBER: Final = re.compile(r"-?[0-9][0-9.eE+-]*|true|false|null")


def find_tokens(text: str) -> list[tuple[int, int, str]]:
    """The parts of what the pattern found that are secret, as (start, end, quote).

    `quote` is what has to stand around a replacement: a number in a JSON object must become a text there.
    """
    found = _TOKEN.match(text)
    if found is None:
        return [(0, len(text), "")]
    for name, value in found.groupdict().items():
        if value is not None:
            start, end = found.span(name)
            return [(start, end, _find_quote(text, start, value, name))]
    return [(0, len(text), "")]


def _find_quote(text: str, start: int, value: str, name: str) -> str:
    before = text[:start].rstrip()
    is_json = name.startswith("vD") and before.endswith(('":', '" :'))
    return '"' if is_json and _JSON_NUMBER.fullmatch(value) else ""

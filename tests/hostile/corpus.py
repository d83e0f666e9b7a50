"""Lines made to hurt: long ones, runs of one character, quotes in quotes, and strings aimed at single patterns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from parsers.model import Rule
from parsers.patterns.dialect import read_pattern
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import Token

MEGABYTE = 1_000_000
_OPENING = ("open", "name", "look")
_SYSLOG = "Jul  1 10:00:00 web-1 sshd[3402]: "
_ACCESS = '192.0.2.7 - - [01/Jul/2026:10:00:00 +0000] "GET /'
_JAVA = "2026-07-01 10:00:00,123 ERROR [main] com.example.Shop - "


@dataclass(frozen=True, slots=True)
class HostileLine:
    """A line and what it is, for messages."""

    name: str
    text: str


def make_runs(size: int) -> Iterator[HostileLine]:
    """Lines of `size` bytes or so, alike for every program."""
    pieces = {
        "letters": "a", "digits": "1", "blanks": " ", "tabs": "\t", "quotes": '"', "apostrophes": "'", "dots": ".",
        "colons": ":", "equals": "=", "slashes": "/", "backslashes": "\\", "escaped quotes": '\\"', "brackets": "[",
        "nested brackets": "[]", "braces": "{", "parentheses": "(", "angles": "<", "bars": "|", "percents": "%",
        "commas": ",", "NULs": "\0", "escapes": "\x1b", "colours": "\x1b[31m", "half a colour": "\x1b[3",
        "line feeds": "\n", "carriage returns": "\r", "line separators": "\u2028", "accents": "e\u0301\u0302",
        "emoji": "\U0001f469\u200d\U0001f4bb", "right to left": "\u202e",
        "not UTF-8": b"\xff\xfe\x80".decode("utf-8", "replace"),
        "pairs": "a=b ", "quoted pairs": 'a="b c" ', "addresses": "192.0.2.7, ", "times": "10:00:00 ", "words": "from ",
        "frames": "\n\tat com.example.A.b(A.java:1)", "objects": '{"a":', "lists": "[1,", "items": '{"a":1},',
        "levels": "ERROR ", "attributes": "<a b='c'>", "headers": _SYSLOG,
    }  # fmt: skip
    for name, piece in pieces.items():
        run = piece * (size // len(piece.encode()))
        yield HostileLine(f"{size} bytes of {name}", run)
        yield HostileLine(f"{size} bytes of {name} behind a syslog header", _SYSLOG + run)
    for start in (
        _ACCESS,
        _JAVA,
        '{"message":"',
        'time=2026-07-01T10:00:00Z level=info msg="',
        "CEF:0|a|b|1|2|c|5|",
    ):
        yield HostileLine(f"{size} bytes behind {start[:20]!r}", start + "a" * size)
        yield HostileLine(f"{size} bytes of quotes behind {start[:20]!r}", start + '\\"' * (size // 2))
    yield HostileLine(f"an object of {size} bytes", '{"message":"' + "a" * size + '"}')
    yield HostileLine(f"an object with a number of {size} digits", '{"a":' + "1" * size + "}")
    yield HostileLine(f"an object with a key of {size} bytes", '{"' + "a" * size + '":1}')
    deep = min(size // 6, 100_000)
    yield HostileLine(f"objects {deep} deep", '{"a":' * deep + "1" + "}" * deep)
    keys = ",".join(f'"k{number}":{number}' for number in range(size // 16))
    yield HostileLine(f"an object of {size // 16} keys", "{" + keys + "}")


def make_attacks(rules: Sequence[Rule], size: int, seed: int = 7) -> Iterator[HostileLine]:
    """A line for each pattern that goes along with it, repeats one of its parts, and then does not match."""
    random = Random(seed)
    for rule in rules:
        for number, pattern in enumerate(rule.patterns):
            tokens = read_pattern(pattern.text, {**FRAGMENTS, **rule.fragments}).tokens
            pieces = list(_list_pieces(tokens))
            places = [place for place, (_, repeats) in enumerate(pieces) if repeats]
            if not places:
                continue
            place = random.choice(places)
            before = "".join(text for text, _ in pieces[:place])
            pumped = pieces[place][0] * (size // len(pieces[place][0].encode()))
            after = "".join(text for text, _ in pieces[place + 1 :])
            for end in ("", after, after + "\x01"):
                name = f"{rule.name}, pattern {number}, part {place}, then {end[:20]!r}"
                yield HostileLine(name, (before + pumped + end).replace("\n", " "))


def _list_pieces(tokens: Sequence[Token]) -> Iterator[tuple[str, bool]]:
    """Texts that one after the other match the tokens, and whether each may come any number of times."""
    at = 0
    while at < len(tokens):
        end = _find_end(tokens, at)
        repeats = end < len(tokens) and tokens[end].kind == "quantifier" and _is_unbounded(tokens[end].text)
        token = tokens[at]
        if token.kind in ("open", "name"):
            inner = list(_list_pieces(_take_first(tokens[at + 1 : end - 1])))
            if repeats:
                text = "".join(text for text, _ in inner)
                yield text or "a", True
            else:
                yield from inner
        elif token.kind not in ("anchor", "boundary", "look", "flags", "backreference", "or"):
            yield _choose_character(token), repeats
        at = end + (end < len(tokens) and tokens[end].kind == "quantifier")


def _find_end(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for at in range(start, len(tokens)):
        depth += tokens[at].kind in _OPENING
        depth -= tokens[at].kind == "close"
        if depth <= 0:
            return at + 1
    return len(tokens)


def _take_first(tokens: Sequence[Token]) -> Sequence[Token]:
    """The first alternative."""
    depth = 0
    for at, token in enumerate(tokens):
        if token.kind == "or" and depth == 0:
            return tokens[:at]
        depth += token.kind in _OPENING
        depth -= token.kind == "close"
    return tokens


def _is_unbounded(quantifier: str) -> bool:
    return quantifier[0] in "*+" or quantifier.rstrip("?+").endswith(",}")


def _choose_character(token: Token) -> str:
    if token.kind == "literal":
        return token.text
    for character in "a1A .-/":
        if token.kind == "any" or any(low <= ord(character) <= high for low, high in token.ranges):
            return character
    return chr(token.ranges[0][0]) if token.ranges else "a"

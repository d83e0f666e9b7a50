"""Texts of pairs parted by blanks (`a=1 b="x y"`): a dict for each, and columns of dicts that have the same keys."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import polars as pl

from parsers.events.bodies.structured_bodies import Bodies, read_in_parts, to_columns
from parsers.events.bodies.structured_json_columns import put_texts
from parsers.events.bodies.structured_json_limits import MAX_KEY
from parsers.events.bodies.structured_pairs import write_beyond
from parsers.model import Body

Pairs: TypeAlias = dict[str, str]
# By the keys in their order: which rows have these, and their pairs.
Groups: TypeAlias = dict[tuple[str, ...], tuple[list[int], list[Pairs]]]

# Unicode's White_Space, as the engines of patterns have it, for a class: Python's own has four characters more.
_WIDE_SPACE = r"\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SPACE = r"\t-\r " + _WIDE_SPACE
_BLANKS = " \t"
# Pairs are read one by one: a text of more than these, some hundred thousand bytes, is no line of a log.
MOST_PAIRS = 20_000
_HAS_WIDE_SPACE = re.compile(f"[{_WIDE_SPACE}]")
_PAIRS = msgspec.json.Decoder(dict[str, str])
_NOT_PLAIN, _NO_PAIRS = ("", 0), ("", -1)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class PairGrammar:
    """How the pairs of a format are written, with `=` between key and value.

    `key`: a whole key. `pair`: from a pair's beginning to the next pair or the text's end; its groups are the key, a
    quoted value, and a bare one. No part of it gives back what it took, so that it reads a text once. `unquote`:
    a quoted value's text. `fewest`: the pairs that a text needs. `margin`: what may stand before the first. Whether a
    value may be in single quotes, too: `has_single_quotes`.
    """

    key: re.Pattern[str]
    pair: re.Pattern[str]
    unquote: Callable[[str], str]
    fewest: int
    margin: str
    has_single_quotes: bool


def read_pair_bodies(texts: pl.Series, wanted: Iterable[str], body: Body, grammar: PairGrammar) -> Bodies:
    """Texts that are `MOST_PAIRS` pairs or fewer and nothing else. Of equal keys the last wins, at its own place."""
    keys = frozenset(wanted)

    def read(part: list[str | None]) -> Bodies:
        groups = _read_groups(part, grammar)
        found = [False] * len(part)
        for rows, _ in groups.values():
            for row in rows:
                found[row] = True
        values, rest = spread_groups(groups, len(part), keys, body.max_fields)
        return Bodies(
            pl.Series("matched", found, dtype=pl.Boolean), to_columns(values), to_columns({"": rest})
        )

    return read_in_parts(texts, read)


def _read_groups(texts: Sequence[str | None], grammar: PairGrammar) -> Groups:
    """The pairs of the texts that are such, a group's rows in their order."""
    plain: list[int] = []
    others: list[int] = []
    written: list[str] = []
    counts: list[int] = []
    for row, text in enumerate(texts):
        if text is None:
            continue
        json, count = _write_json(text, grammar)
        if count > 0:
            plain.append(row)
            written.append(json)
            counts.append(count)
        elif not count:
            others.append(row)
    try:
        read: list[Pairs | None] = list(map(_PAIRS.decode, written))
    except msgspec.MsgspecError:
        read = [_decode(json) for json in written]
    groups: Groups = {}
    for row, pairs, count in zip(plain, read, counts, strict=True):
        # One key twice is one less.
        if pairs is None or len(pairs) != count:
            others.append(row)
            continue
        shape = tuple(pairs)
        group = groups.get(shape)
        if group is None:
            if not all(map(grammar.key.fullmatch, shape)):
                others.append(row)
                continue
            group = groups[shape] = ([], [])
        group[0].append(row)
        group[1].append(pairs)
    mixed: Groups = {}
    for row in others:
        found = _read_pairs(texts[row] or "", grammar)
        if found is not None:
            shape = tuple(found)
            mixed[shape] = group = groups.setdefault(shape, ([], []))
            group[0].append(row)
            group[1].append(found)
    for rows, dicts in mixed.values():
        order = sorted(range(len(rows)), key=rows.__getitem__)
        rows[:], dicts[:] = [rows[at] for at in order], [dicts[at] for at in order]
    return groups


def _decode(json: str) -> Pairs | None:
    try:
        return _PAIRS.decode(json)
    except msgspec.MsgspecError:
        return None


def _write_json(text: str, grammar: PairGrammar) -> tuple[str, int]:
    """A text of plain pairs as a JSON object of texts, with the number of its pairs.

    The number is 0 where `_read_pairs` has to look: at escapes, blanks in a row, and quotes at other places than around
    values; it is below 0 where a word stands among the pairs. What comes out of another text that is no pairs may be no
    JSON, or lack pairs, or have keys that are none.
    """
    if "\\" in text:
        return _NOT_PLAIN
    pieces = text.rstrip(_BLANKS).lstrip(grammar.margin).split('"')
    quoted = len(pieces) // 2
    # A mark stands for what is between quotes, while the rest is rewritten.
    outside = "\0".join(pieces[::2]) if quoted else pieces[0]
    count = outside.count(" ") + 1
    if outside.count("=") > MOST_PAIRS:
        return _NO_PAIRS
    if len(pieces) == 2 * quoted or count < grammar.fewest or outside.count("\0") != quoted:
        return _NOT_PLAIN
    if quoted and not (outside.count("=\0") == quoted == outside.count("\0 ") + (outside[-1] == "\0")):
        return _NOT_PLAIN
    if "'" in outside and grammar.has_single_quotes and "='" in outside:
        return _NOT_PLAIN
    if not outside.isascii() and _HAS_WIDE_SPACE.search(outside):
        return _NOT_PLAIN
    if outside.count("=") == count:
        json = outside.replace("=", '":"').replace(" ", '","')
    else:
        parts = outside.split(" ")
        if any("=" not in part and part.strip() for part in parts):
            return _NO_PAIRS
        if not all(part.endswith("=\0") and part.count("=") == 1 for part in parts if "\0" in part):
            return _NOT_PLAIN
        json = '","'.join([part.replace("=", '":"', 1) for part in parts])
    if quoted:
        pieces[::2] = json.split("\0")
        json = "".join(pieces)
    return f'{{"{json}"}}', count


def _read_pairs(text: str, grammar: PairGrammar) -> Pairs | None:
    pairs: Pairs = {}
    at, count = len(text) - len(text.lstrip(grammar.margin)), 0
    # A search would go on behind a place without a pair, and read what follows from each of its characters.
    while match := grammar.pair.match(text, at):
        at = match.end()
        count += 1
        if count > MOST_PAIRS:
            return None
        key, quoted, bare = match.groups()
        pairs.pop(key, None)
        pairs[key] = bare or "" if quoted is None else grammar.unquote(quoted)
    return pairs if at == len(text) and count >= grammar.fewest else None


def group_pairs(rows: Iterable[Pairs]) -> Groups:
    """Rows, each of which has its pairs, by their keys."""
    groups: Groups = {}
    for row, pairs in enumerate(rows):
        group = groups.setdefault(tuple(pairs), ([], []))
        group[0].append(row)
        group[1].append(pairs)
    return groups


def spread_groups(
    groups: Groups, height: int, wanted: Collection[str], max_fields: int
) -> tuple[dict[str, list[str | None]], list[str | None]]:
    """The values of wanted keys by row, of which there are `height`, and the rest of each as `spread_pairs` writes it.

    What is wanted is taken out of the pairs.
    """
    columns: dict[str, list[str | None]] = {}
    rest: list[str | None] = [None] * height
    for shape, (rows, group) in groups.items():
        names = [name for name in shape if name in wanted]
        for name in names:
            put_texts(columns, name, rows, height, [pairs.pop(name) for pairs in group])
        if len(names) == len(shape):
            continue
        if len(shape) - len(names) > max_fields or any(len(name) > MAX_KEY or "\0" in name for name in shape):
            texts = [_write_limited(pairs, max_fields) for pairs in group]
        else:
            texts = _ENCODER.encode_lines(group).decode().split("\n")
        for row, text in zip(rows, texts, strict=False):
            rest[row] = text
    return columns, rest


def _write_limited(pairs: Pairs, max_fields: int) -> str:
    members = [
        msgspec.json.encode(key.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_KEY]).decode()
        + ":"
        + msgspec.json.encode(value).decode()
        for key, value in pairs.items()
    ]
    kept, beyond = members[:max_fields], members[max_fields:]
    return "{" + ",".join([*kept, *([write_beyond("{" + ",".join(beyond) + "}")] if beyond else [])]) + "}"

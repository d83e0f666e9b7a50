"""The query language of `tailrace search`: text to a tree.

    log.level:error host.name:web-* "timed out" -sshd (http.response.status_code:>=500 OR tags:_unparsed)

Words side by side must all hold; OR, NOT, - and parentheses as usual, NOT before AND before OR. Bare words and phrases
are looked for anywhere in `message` and `event.original`. Upper and lower case are the same everywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Comparison: TypeAlias = Literal[">=", "<=", ">", "<"]


class QueryError(ValueError):
    """A query that cannot be read. `position` counts characters from 0; `str()` shows the place and the mend."""

    def __init__(self, query: str, position: int, message: str, mend: str) -> None:
        self.query, self.position, self.message, self.mend = query, position, message, mend
        super().__init__(query, position, message, mend)

    def __str__(self) -> str:
        pointer = " " * self.position + "^"
        return f"{self.message}; {self.mend}\n  {self.query}\n  {pointer}"


@dataclass(frozen=True, slots=True)
class Word:
    """A text looked for anywhere in the event's text; `is_glob`: `*` and `?` stand for any characters."""

    text: str
    is_glob: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field has a value. `is_glob` as in `Word`; `value` `*` alone as a glob: the field is there."""

    name: str
    value: str
    is_glob: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """A field's value is above or below a bound."""

    name: str
    operator: Comparison
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """The inner query does not hold."""

    inner: "Query"


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold; no parts: everything does."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """One of the parts holds."""

    parts: "tuple[Query, ...]"


Query: TypeAlias = Word | Field | Compare | Not | All | Any

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<open>\()
  | (?P<close>\))
  | (?P<minus>-(?=[^\s)]))
  | (?P<field>[@A-Za-z_][\w@.\-]*):(?!//)(?P<comparison>>=|<=|>|<)?
    (?:"(?P<field_phrase>(?:[^"\\]|\\.)*)"|(?P<field_word>(?:[^\s()"\\]|\\.)*))
  | "(?P<phrase>(?:[^"\\]|\\.)*)"
  | (?P<word>(?:[^\s()"\\]|\\.)+)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_NEGATIONS = frozenset({"NOT", "-"})


@dataclass(frozen=True, slots=True)
class _Token:
    """`kind` is an operator or a parenthesis as written, or `leaf`, which holds its query."""

    kind: str
    position: int
    leaf: Query | None = None


def parse_query(text: str) -> Query:
    """Read a query. An empty one holds for every event. Raises QueryError with the place of the first mistake."""
    parser = _Parser(text, _read_tokens(text))
    query = parser.read_any()
    if (token := parser.peek()) is not None:
        raise QueryError(text, token.position, "a ) that closes nothing", 'remove it, or quote it: ")"')
    return query


def _read_tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            if text[position] == "\\":
                raise QueryError(text, position, "a backslash before nothing", r"write \\ for the character")
            raise _open_quote(text, position)
        if found["field"] is not None:
            tokens.append(_Token("leaf", position, _read_field(text, found)))
        elif found["phrase"] is not None:
            tokens.append(_Token("leaf", position, Word(_unescape(found["phrase"]))))
        elif found["word"] in _OPERATORS or found["open"] or found["close"] or found["minus"]:
            tokens.append(_Token(found[0], position))
        elif found["word"] is not None:
            is_glob = _is_glob(found["word"])
            tokens.append(
                _Token("leaf", position, Word(found[0] if is_glob else _unescape(found[0]), is_glob))
            )
        position = found.end()
    return tokens


def _read_field(query: str, found: "re.Match[str]") -> Query:
    name, phrase, word = found["field"], found["field_phrase"], found["field_word"]
    comparison: Comparison | None = found["comparison"]  # type: ignore[assignment]  # the pattern knows no other
    if not phrase and not word:
        if query[found.end() : found.end() + 1] == "(":
            mend = f"write ({name}:a OR {name}:b)"
            raise QueryError(query, found.end(), f"{name}: cannot take a list in parentheses", mend)
        if query[found.end() : found.end() + 1] == '"':
            raise _open_quote(query, found.end())
        if phrase is None:
            mend = f'write {name}:value without a space, {name}:* for any value, or quote it: "{name}:"'
            raise QueryError(query, found.start(), f"no value after {found[0]}", mend)
    if comparison is not None:
        return Compare(name, comparison, _unescape(word if phrase is None else phrase))
    if phrase is not None:
        return Field(name, _unescape(phrase))
    is_glob = _is_glob(word)
    return Field(name, word if is_glob else _unescape(word), is_glob)


class _Parser:
    """Walks over the tokens once; a class because the place moves through all levels."""

    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self.text, self.tokens, self.at = text, tokens, 0

    def peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def read_any(self) -> Query:
        parts = [self._read_all()]
        while (token := self.peek()) is not None and token.kind == "OR":
            self.at += 1
            parts.append(self._read_all())
            if All(()) in parts:
                raise QueryError(
                    self.text, token.position, "OR wants a word on both sides", 'add it, or quote it: "OR"'
                )
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _read_all(self) -> Query:
        parts: list[Query] = []
        joined: _Token | None = None
        while (token := self.peek()) is not None and token.kind not in (")", "OR"):
            if token.kind != "AND":
                parts.append(self._read_one(token))
                joined = None
                continue
            if not parts or joined:
                raise _lone_and(self.text, token)
            joined = token
            self.at += 1
        if joined:
            raise _lone_and(self.text, joined)
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _read_one(self, token: _Token) -> Query:
        self.at += 1
        if token.leaf is not None:
            return token.leaf
        if token.kind in _NEGATIONS:
            following = self.peek()
            if following is None or following.kind in (")", "OR", "AND"):
                raise QueryError(
                    self.text, token.position, f"nothing after {token.kind}", "write what must not be there"
                )
            return Not(self._read_one(following))
        inner = self.read_any()
        if self.peek() is None:
            raise QueryError(
                self.text, token.position, "a ( that is not closed", 'close it, or quote it: "("'
            )
        self.at += 1
        return inner


def _open_quote(query: str, position: int) -> QueryError:
    return QueryError(query, position, 'a " that is not closed', r"close it, or write \" for the character")


def _lone_and(query: str, token: _Token) -> QueryError:
    return QueryError(query, token.position, "AND wants a word on both sides", 'add it, or quote it: "AND"')


def _is_glob(text: str) -> bool:
    return re.search(r"(?<!\\)(?:\\\\)*[*?]", text) is not None


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)

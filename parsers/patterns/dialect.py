r"""Reads one pattern of a rule into tokens that every engine can be given.

The dialect is the common ground of Rust's regex, Hyperscan and Python's `regex`: Perl syntax, ASCII `\d \w
\s \b`, no token that matches a newline, group names with dots, and `%{FRAGMENT:field:type}`. Look-around,
back-references, atomic groups and possessive quantifiers are read too, and mark the pattern as not linear.
"""

import re
from collections.abc import Mapping

from parsers.patterns.expand import expand_fragments
from parsers.patterns.posix import read_posix_class
from parsers.patterns.tokens import (
    DIGITS,
    MAXIMUM_CODE_POINT,
    NEWLINE,
    SPACES,
    WORD,
    PatternError,
    Range,
    ReadPattern,
    Token,
    complement,
)

_CLASS_ESCAPES: dict[str, tuple[Range, ...]] = {
    "d": DIGITS,
    "w": WORD,
    "s": SPACES,
    "h": ((0x09, 0x09), (0x20, 0x20)),
    "D": complement(DIGITS + NEWLINE),
    "W": complement(WORD + NEWLINE),
    "S": complement(SPACES + NEWLINE),
    "N": complement(NEWLINE),
}
_CONTROL_ESCAPES = {"t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B, "a": 0x07, "e": 0x1B, "0": 0x00}
_NAMED = re.compile(r"\(\?P?<([^>=!]*)>")
_FIELD = re.compile(r"^[@A-Za-z_][A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]+)*$")
_COUNTED = re.compile(r"\{(\d*)(,?)(\d*)\}")
_FLAGS = re.compile(r"\(\?([a-z]*)(?:-([a-z]+))?(\)|:)")


def read_pattern(text: str, fragments: Mapping[str, str]) -> ReadPattern:
    """Reads a pattern as written in a rule.

    Raises:
        PatternError: syntax that no engine has, a name captured twice, a newline in the pattern.
    """
    expanded, types = expand_fragments(text, fragments)
    # A place in the expanded text is only a place in the rule file when nothing was expanded before it.
    reader = _Reader(expanded)
    try:
        tokens = reader.read()
    except PatternError as error:
        common = next((i for i, (a, b) in enumerate(zip(text, expanded, strict=False)) if a != b), len(text))
        raise PatternError(error.message, min(error.position, common), error.hint) from None
    return ReadPattern(tuple(tokens), tuple(reader.names), types, reader.is_linear)


class _Reader:
    """Walks over a pattern once; a class because position, open groups and names change together."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.names: list[str] = []
        self.is_linear = True
        self.has_references = bool(re.search(r"(?<!\\)(?:\\\\)*\\[1-9]", text))

    def read(self) -> list[Token]:
        tokens: list[Token] = []
        opened: list[int] = []
        while self.at < len(self.text):
            start = self.at
            token = self._read_token(tokens)
            if token.kind in ("open", "name", "look"):
                opened.append(start)
            elif token.kind == "close":
                if not opened:
                    raise PatternError("a ')' that closes nothing", start, r"write '\)' for the character")
                opened.pop()
            tokens.append(token)
        if opened:
            raise PatternError(
                "a '(' that is not closed", opened[-1], r"close it, or write '\(' for the character"
            )
        return tokens

    def _read_token(self, before: list[Token]) -> Token:
        character = self.text[self.at]
        if character == "\\":
            return self._read_escape()
        if character == "[":
            return self._read_class()
        if character == "(":
            return self._read_group()
        if character in "*+?" or (
            character == "{" and _COUNTED.match(self.text, self.at) and self._is_counted()
        ):
            return self._read_quantifier(before)
        self.at += 1
        if character == "\n":
            raise PatternError(
                "a pattern sees one line and can hold no newline", self.at - 1, "use `multiline:`"
            )
        match character:
            case ".":
                return Token("any")
            case "^" | "$":
                return Token("anchor", character)
            case ")":
                return Token("close")
            case "|":
                return Token("or")
            case _:
                return Token("literal", character)

    def _is_counted(self) -> bool:
        found = _COUNTED.match(self.text, self.at)
        return bool(found and (found[1] or found[3]))

    def _read_quantifier(self, before: list[Token]) -> Token:
        start = self.at
        if (
            not before
            or before[-1].kind in ("open", "name", "look", "or", "anchor", "flags")
            or (before[-1].kind == "quantifier")
        ):
            raise PatternError(
                f"'{self.text[start]}' repeats nothing",
                start,
                rf"write '\{self.text[start]}' for the character",
            )
        if self.text[start] == "{":
            found = _COUNTED.match(self.text, start)
            assert found is not None
            low, comma, high = found[1] or "0", found[2], found[3]
            if high and int(high) < int(low):
                raise PatternError(f"the repetition {found[0]} counts backwards", start)
            if max(int(low), int(high or 0)) > 1000:
                raise PatternError(f"the repetition {found[0]} is over 1000", start, "use + or *")
            text, self.at = f"{{{low}{comma}{high}}}", found.end()
        else:
            text, self.at = self.text[start], start + 1
        if self.text[self.at : self.at + 1] in ("?", "+"):
            if self.text[self.at] == "+":
                self.is_linear = False
            text += self.text[self.at]
            self.at += 1
        return Token("quantifier", text)

    def _read_group(self) -> Token:
        start = self.at
        rest = self.text[start : start + 3]
        named = _NAMED.match(self.text, start)
        if named:
            name = named[1]
            if not _FIELD.match(name):
                raise PatternError(
                    f"'{name}' is no field name", start, "letters, digits, _, - and dots, as in source.ip"
                )
            if name in self.names:
                raise PatternError(
                    f"'{name}' is captured twice", start, "capture it once; use (?:…) for the other place"
                )
            self.names.append(name)
            self.at = named.end()
            return Token("name", name)
        if self.text.startswith("(?P=", start):
            end = self.text.find(")", start)
            if self.text[start + 4 : end] not in self.names:
                raise PatternError("a back-reference to a group that is not captured before it", start)
            self.is_linear, self.at = False, end + 1
            return Token("backreference", self.text[start + 4 : end])
        for opening in ("(?<=", "(?<!", "(?=", "(?!", "(?>"):
            if self.text.startswith(opening, start):
                self.is_linear, self.at = False, start + len(opening)
                return Token("look", opening)
        flags = _FLAGS.match(self.text, start)
        if flags:
            if (set(flags[1]) | set(flags[2] or "")) - {"i"}:
                raise PatternError(
                    f"the flags '{flags[0]}' are not part of the dialect", start, "only (?i) is"
                )
            self.at = flags.end()
            if flags[3] == ")":
                if start != 0:
                    raise PatternError("(?i) stands in the middle", start, "put it first, or write (?i:…)")
                return Token("flags", flags[0])
            return Token("open", flags[0])
        if rest.startswith("(?"):
            raise PatternError(
                f"'{rest}' is not part of the dialect", start, "groups are (…), (?:…), (?P<field>…), (?i:…)"
            )
        self.at += 1
        return Token("open", "(" if self.has_references else "(?:")

    def _read_escape(self) -> Token:
        start = self.at
        if start + 1 >= len(self.text):
            raise PatternError("the pattern ends in a backslash", start, r"write '\\' for the character")
        letter = self.text[start + 1]
        if letter in _CLASS_ESCAPES:
            self.at += 2
            return Token("class", ranges=_CLASS_ESCAPES[letter])
        if letter in "bB":
            self.at += 2
            return Token("boundary", letter)
        if letter in "AzZ":
            self.at += 2
            return Token("anchor", "^" if letter == "A" else "$")
        if letter in "pP":
            found = re.compile(r"\\([pP])(?:\{(\^?\w+)\}|(\w))").match(self.text, start)
            if not found:
                raise PatternError(f"'\\{letter}' needs a class name", start, r"as in \p{Lu}")
            self.at = found.end()
            return Token("class", properties=(found[2] or found[3],), negated=found[1] == "P")
        if letter in "123456789":
            self.is_linear = False
            self.at += 2
            return Token("backreference", letter)
        return Token("literal", chr(self._read_code_point()))

    def _read_code_point(self) -> int:
        """One escaped character, outside or inside a class; moves past it."""
        start = self.at
        letter = self.text[start + 1] if start + 1 < len(self.text) else ""
        found = re.compile(
            r"\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\})"
        ).match(self.text, start)
        if found:
            self.at = found.end()
            code = int(next(part for part in found.groups() if part), 16)
            if code > MAXIMUM_CODE_POINT or 0xD800 <= code <= 0xDFFF:
                raise PatternError(f"'{found[0]}' is no character", start)
        elif letter in _CONTROL_ESCAPES:
            self.at += 2
            code = _CONTROL_ESCAPES[letter]
        elif letter == "n":
            code = 0x0A
        elif letter and not (letter.isascii() and letter.isalnum()):
            self.at += 2
            code = ord(letter)
        else:
            raise PatternError(f"'\\{letter}' is not part of the dialect", start)
        if code == 0x0A:
            raise PatternError("a pattern sees one line and can hold no newline", start, "use `multiline:`")
        return code

    def _read_class(self) -> Token:
        start = self.at
        self.at += 1
        negated = self.text[self.at : self.at + 1] == "^"
        self.at += negated
        ranges: list[Range] = []
        properties: list[str] = []
        first = True
        while True:
            if self.at >= len(self.text):
                raise PatternError(
                    "a '[' that is not closed", start, r"close it, or write '\[' for the character"
                )
            character = self.text[self.at]
            if character == "]" and not first:
                self.at += 1
                break
            first = False
            posix = re.compile(r"\[:(\^?[a-z]+):\]").match(self.text, self.at)
            if posix:
                ranges.extend(read_posix_class(posix[1], self.at))
                self.at = posix.end()
                continue
            if character == "\\" and self.text[self.at + 1 : self.at + 2] in _CLASS_ESCAPES:
                ranges.extend(_CLASS_ESCAPES[self.text[self.at + 1]])
                self.at += 2
                continue
            if character == "\\" and self.text[self.at + 1 : self.at + 2] == "p":
                token = self._read_escape()
                properties.extend(token.properties)
                continue
            low = self._read_class_character()
            after = self.text[self.at : self.at + 2]
            is_range = len(after) == 2 and after[0] == "-" and after[1] != "]"
            if is_range and not (after[1] == "\\" and self.text[self.at + 2 : self.at + 3] in _CLASS_ESCAPES):
                place = self.at
                self.at += 1
                high = self._read_class_character()
                if high < low:
                    raise PatternError(f"the range {chr(low)}-{chr(high)} counts backwards", place - 1)
                ranges.append((low, high))
            else:
                ranges.append((low, low))
        if negated:
            if not properties:
                return Token("class", ranges=complement(tuple(ranges) + NEWLINE))
            return Token("class", ranges=tuple(ranges) + NEWLINE, properties=tuple(properties), negated=True)
        return Token(
            "class", ranges=complement(complement(tuple(ranges)) + NEWLINE), properties=tuple(properties)
        )

    def _read_class_character(self) -> int:
        if self.text[self.at] == "\\":
            if self.text[self.at + 1 : self.at + 2] == "b":
                self.at += 2
                return 0x08
            return self._read_code_point()
        code = ord(self.text[self.at])
        if code == 0x0A:
            raise PatternError("a pattern sees one line and can hold no newline", self.at, "use `multiline:`")
        self.at += 1
        return code

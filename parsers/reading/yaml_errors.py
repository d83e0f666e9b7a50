"""YAML that does not parse, as Problems: the parser's words, and advice for who writes patterns in YAML."""

import yaml

from parsers.errors import Problem
from parsers.model import Location

_QUOTE = "put the text in single quotes: '...'"

_MENDS: tuple[tuple[str, str], ...] = (
    ("found character '\\t'", "indent with spaces, not tabs"),
    ("found unknown escape character", "use single quotes: backslashes stay as written in them"),
    ("expected alphabetic or numeric character", "put a text that begins with * or & in single quotes"),
    ("cannot start any token", _QUOTE),
    (
        "mapping values are not allowed here",
        f"check the indentation; a text with ': ' in it needs quotes; {_QUOTE}",
    ),
    ("could not find expected ':'", "a key needs ': ' behind it, and a text over several lines needs quotes"),
    ("while scanning a quoted scalar", "close the quote; a single quote inside single quotes is written ''"),
    ("expected ',' or '}'", f"close the {{; a text with , or {{ or [ inside it needs quotes; {_QUOTE}"),
    ("expected ',' or ']'", f"close the [; a text with , or {{ or [ inside it needs quotes; {_QUOTE}"),
    ("but found '<scalar>'", "the quotes before end too early: a quote inside single quotes is written ''"),
    ("expected <block end>", "give the keys of a mapping and the dashes of a list the same indentation"),
    ("expected the node content", _QUOTE),
    ("expected '<document start>'", "separate documents with a line of ---; give keys the same indentation"),
    ("block scalar", "after | or > only an indicator like - may stand on the line"),
)


def describe_error(error: yaml.YAMLError, file: str, text: str) -> Problem:
    """The error that PyYAML raised for `text`, with its place in the file and how to mend it."""
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        place = Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"the character U+{code:04X} is not allowed in YAML"
        return Problem(place, message, f'remove it, or write it as "\\u{code:04X}" in double quotes')
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Location(file), f"not valid YAML: {error}")
    # A quote that is never closed shows at the end of the file; the mistake is where it opens.
    runs_out = "end of stream" in (error.problem or "")
    mark = (error.context_mark if runs_out else None) or error.problem_mark or error.context_mark
    lines = text.splitlines()
    source = lines[mark.line] if mark and mark.line < len(lines) else ""
    place = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
    message = " ".join(part for part in (error.context, error.problem) if part) or "cannot be read"
    return Problem(place, f"not valid YAML: {message}", _find_mend(message, source))


def _find_mend(message: str, source: str) -> str:
    if "\t" in source[: len(source) - len(source.lstrip())]:
        return "indent with spaces, not tabs"
    for words, mend in _MENDS:
        if words in message:
            return mend
    return ""

"""POSIX character classes, as in `[[:alpha:]]`, in ASCII."""

from parsers.patterns.tokens import DIGITS, NEWLINE, SPACES, WORD, PatternError, Range, complement

_POSIX: dict[str, tuple[Range, ...]] = {
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "digit": DIGITS,
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "upper": ((0x41, 0x5A),),
    "lower": ((0x61, 0x7A),),
    "space": SPACES,
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
    "word": WORD,
    "cntrl": ((0x00, 0x09), (0x0B, 0x1F), (0x7F, 0x7F)),
    "print": ((0x20, 0x7E),),
    "graph": ((0x21, 0x7E),),
}


def read_posix_class(name: str, position: int) -> tuple[Range, ...]:
    """The ranges of a class, negated by a leading ^. Raises PatternError for a name that is none."""
    known = _POSIX.get(name.removeprefix("^"))
    if known is None:
        raise PatternError(f"unknown class [:{name}:]", position, "one of " + ", ".join(_POSIX))
    return complement(known + NEWLINE) if name.startswith("^") else known

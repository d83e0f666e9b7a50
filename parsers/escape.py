"""Makes text from logs safe to print."""


def escape(text: str) -> str:
    """The text with control characters spelt out: log lines hold some that colour a terminal, or that XML lacks."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )

"""Read the runnable examples out of a Markdown document.

    ```console                    commands after `$ `; the lines below one are its output, `...` is anything
    ```console servers            the same, with a real Kafka and Elasticsearch named in the environment
    ```console servers worker     the last command runs until SIGTERM, as `tailrace worker` does
    ```python                     a program
    ```yaml file=rules/shop.yml   a file that the examples after it need (any language)

Everything else (`text`, `json`, no language) is only to be read. The blocks of a document are run in their
order in one folder.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>\w[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A shell command, and the output that the document shows for it ("" for none)."""

    text: str
    output: str


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it is, its language, its options and its text."""

    place: str
    language: str
    options: tuple[str, ...]
    body: str

    @property
    def file(self) -> str | None:
        return next(
            (option.removeprefix("file=") for option in self.options if option.startswith("file=")), None
        )

    @property
    def is_worker(self) -> bool:
        return "worker" in self.options

    @property
    def needs_servers(self) -> bool:
        return "servers" in self.options


def load_blocks(document: Path) -> list[Block]:
    text = document.read_text()
    blocks = []
    for match in FENCE.finditer(text):
        language, *options = match["info"].split()
        line = text.count("\n", 0, match.start()) + 1
        blocks.append(Block(f"{document.name}:{line}", language, tuple(options), match["body"]))
    return blocks


def parse_commands(body: str) -> list[Command]:
    """Read `$ command` lines (continued after a backslash) with the output below each."""
    commands: list[Command] = []
    lines = iter(body.splitlines())
    for line in lines:
        if line.startswith("$ "):
            text = line[2:]
            while text.endswith("\\"):
                text = text[:-1] + next(lines).strip()
            commands.append(Command(text, ""))
        elif commands:
            last = commands[-1]
            commands[-1] = Command(last.text, last.output + line + "\n")
        else:
            raise ValueError(f"output before any command: {line!r}")
    return commands


def is_output(expected: str, actual: str) -> bool:
    """Tell whether the output is as shown: `...` is any text, white space at the ends of lines is nothing."""
    parts = [
        re.escape(part) for part in re.sub(r"[ \t]+$", "", expected, flags=re.MULTILINE).strip().split("...")
    ]
    return (
        re.fullmatch(".*".join(parts), re.sub(r"[ \t]+$", "", actual, flags=re.MULTILINE).strip(), re.DOTALL)
        is not None
    )

"""The parse core by the length of a line: one access log whose addresses of pages become longer."""

import sys

from bench.contender import Contender, measuring, run_in_turns
from bench.lines import make_access_only
from bench.options import Options
from bench.report import Row, Sample, by_cpu_second, place
from bench.workloads import BATCH, build_parsing
from parsers.load import load_rule_set
from parsers.shipped import shipped_rules_directory

PART = "length"
LENGTHS = (150, 214, 400, 800, 1_600, 3_200, 6_400)
# Characters of each contender: so all run about as long.
CHARACTERS = 80_000_000
QUICK = 8_000_000


def parse_padded(length: int, lines: int) -> Sample:
    """Contender: the parse core over access lines of a length."""
    texts = [pad(line, length) for line in make_access_only(lines)]
    batch = max(BATCH * 214 // max(length, 214), 1)
    rules = load_rule_set(shipped_rules_directory())
    build_parsing(rules, texts[:batch], batch)()
    work = build_parsing(rules, texts, batch)
    with measuring() as watch:
        written = work()
    return watch.to_sample(written, bytes=sum(map(len, texts)) / len(texts))


def pad(line: str, length: int) -> str:
    """An access line with a longer or a shorter query, as near to a length as it gets."""
    head, mark, tail = line.partition("from=")
    filler, rest = tail.split(" ", 1)
    room = length - len(line) + len(filler)
    return f"{head}{mark}{'x' * max(room, 1)} {rest}"


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    characters = QUICK if options.quick else CHARACTERS

    def build(length: int) -> Contender:
        lines = options.records or characters // length
        return Contender(
            f"access log of {length:,} bytes a line",
            "bench.length:parse_padded",
            {"length": length, "lines": lines},
        )

    samples = run_in_turns([build(length) for length in LENGTHS], options.rounds)
    return [
        place(by_cpu_second(PART, name, found), "length: access log", found[0].details["bytes"])
        for name, found in samples.items()
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

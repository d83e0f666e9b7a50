"""Filebeat's envelopes to whole documents, on one core: decoding them alone, and with the parse behind it."""

import sys
from collections.abc import Callable

import polars as pl

from bench.contender import Contender, measuring, run_in_turns
from bench.lines import make_envelopes
from bench.options import Options
from bench.report import Row, Sample, by_cpu_second, compare, to_row
from bench.workloads import BATCH, decode, write_documents
from parsers.load import load_rule_set
from parsers.shipped import shipped_rules_directory

PART = "envelopes"
LINES = 200_000
QUICK = 40_000
GOAL = 150_000


def decode_envelopes(kind: str, lines: int) -> Sample:
    """Contender: records to line frames, and no further."""
    return _run(make_envelopes(kind, lines), lambda frame: frame.height)


def parse_envelopes(kind: str, lines: int) -> Sample:
    """Contender: records to documents, with all shipped rules."""
    rules = load_rule_set(shipped_rules_directory())
    return _run(make_envelopes(kind, lines), lambda frame: write_documents(rules, frame))


def _run(values: list[bytes], work: Callable[[pl.DataFrame], int]) -> Sample:
    batches = [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
    work(decode(batches[0]))
    with measuring() as watch:
        done = sum(work(decode(batch)) for batch in batches)
    if done != len(values):
        raise RuntimeError(f"{done} documents of {len(values)} records")
    return watch.to_sample(len(values))


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    lines = options.choose(LINES, QUICK)

    def build(name: str, target: str, kind: str) -> Contender:
        return Contender(name, f"bench.envelopes:{target}", {"kind": kind, "lines": lines})

    contenders = [
        build("envelopes of ten programs, decoded", "decode_envelopes", "ten"),
        build("envelopes of an access log, decoded and parsed", "parse_envelopes", "access"),
        build("envelopes of four programs, decoded and parsed", "parse_envelopes", "mixed"),
        build("envelopes of ten programs, decoded and parsed", "parse_envelopes", "ten"),
        build("envelopes of sixty programs, decoded and parsed", "parse_envelopes", "sixty"),
    ]
    samples = run_in_turns(contenders, options.rounds)
    decoded, _, mixed, ten, _ = samples.values()
    return [
        *(to_row(PART, name, found) for name, found in samples.items()),
        by_cpu_second(PART, "envelopes of four programs, decoded and parsed", mixed, GOAL),
        compare(PART, "ten programs, decoded and parsed / decoded", ten, decoded)[1],
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

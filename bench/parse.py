"""The parse core with all shipped rules, to whole documents, beside bare aiokafka `getmany` over the same lines."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import regex

from bench.contender import Contender, measuring, run_in_turns, tell
from bench.lines import MAKERS, SEED, read_lines, repeat, write_lines
from bench.options import Options
from bench.report import Row, Sample, at_cost, by_cpu_second, compare, scale, to_row
from bench.topics import filled_topic
from parsers.document import to_documents
from parsers.load import load_rule_set
from parsers.patterns.choose import Chooser
from parsers.shipped import shipped_rules_directory
from pipeline.demo.scenario import MINUTE, MINUTES, START

PART = "parse"
LINES = 400_000
QUICK = 100_000
GETMANY_RECORDS = 2_000_000
GETMANY_QUICK = 500_000
GOAL = 0.28
# Lines of whole documents in a CPU second.
RATES = {"access": 300_000, "ten": 250_000, "sixty": 150_000}
BATCH = 10_000
# What a run over files takes at once, more or less.
LARGE_BATCH = 50_000
# What a worker takes at once.
WORKER_BATCH = 12_000
WARM_UP = 2


def parse_lines(path: str, batch: int) -> Sample:
    """Contender: `RuleSet.parse` and `to_documents` over line frames that are ready, batch by batch.

    `details` has the time of each stage in µs a line, from a pass of its own.
    """
    lines = read_lines(path)
    frames = [to_frame(lines[start : start + batch]) for start in range(0, len(lines), batch)]
    rules = load_rule_set(shipped_rules_directory())

    def run(frame: pl.DataFrame) -> int:
        parsed = rules.parse(frame)
        return sum(len(to_documents(block.frame)) for block in parsed.blocks)

    for frame in frames[:WARM_UP]:
        run(frame)
    with measuring() as watch:
        written = sum(run(frame) for frame in frames)
    if written != len(lines):
        raise RuntimeError(f"{written} documents of {len(lines)} lines")
    choosing = parsing = documents = 0.0
    unparsed = 0
    with watch_choosing() as chosen:
        for frame in frames:
            began = time.process_time()
            parsed = rules.parse(frame)
            middle = time.process_time()
            for block in parsed.blocks:
                to_documents(block.frame)
                unparsed += block.frame.height if block.rule is None else 0
            documents += time.process_time() - middle
            parsing += middle - began
    choosing = sum(chosen)
    scale = 1e6 / len(lines)
    return watch.to_sample(
        len(lines),
        choose=choosing * scale,
        extract=(parsing - choosing) * scale,
        document=documents * scale,
        unparsed=unparsed / len(lines),
        bytes=sum(map(len, lines)) / len(lines),
    )


def to_frame(lines: list[str]) -> pl.DataFrame:
    """A line frame whose records are as old as the end of the demo."""
    return pl.DataFrame({"event.original": lines, "_time": [START + MINUTES * MINUTE] * len(lines)})


@contextmanager
def watch_choosing() -> Iterator[list[float]]:
    """The CPU seconds of every pass that chooses candidates, as they come."""
    found: list[float] = []
    choose = Chooser.find_candidates

    def timed(self: Chooser, texts: pl.Series) -> object:
        began = time.process_time()
        try:
            return choose(self, texts)
        finally:
            found.append(time.process_time() - began)

    Chooser.find_candidates = timed  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        Chooser.find_candidates = choose  # type: ignore[method-assign]


def loop_regex(path: str) -> Sample:
    """Contender for context: a loop over lines with one `regex` for each of the four programs, and `json.dumps`.

    No types but numbers, no addresses checked, times left as they are.
    """
    patterns = [
        regex.compile(text)
        for text in (
            r"^(?P<ip>\S+) \S+ (?P<user>\S+) \[(?P<ts>[^\]]+)\] "
            r'"(?P<method>\w+) (?P<path>\S+) HTTP/(?P<version>[\d.]+)" '
            r'(?P<status>\d+) (?P<size>\d+)(?: "(?P<referrer>[^"]*)" "(?P<agent>[^"]*)")?$',
            r"^(?P<ts>\w{3} [ \d]\d [\d:]{8}) (?P<host>\S+) (?P<program>\w+)\[(?P<pid>\d+)\]: (?P<message>.*)$",
            r"^(?P<ts>[\d-]{10} [\d:,]{12}) \[(?P<thread>[^\]]+)\] (?P<level>\w+) +(?P<logger>\S+) - (?P<message>.*)$",
        )
    ]
    numbers = ("status", "size", "pid")
    lines = read_lines(path)
    written = 0
    with measuring() as watch:
        for line in lines:
            fields: dict[str, str | int | None] = {"message": line}
            for pattern in patterns:
                if found := pattern.match(line):
                    fields = found.groupdict()
                    for name in numbers:
                        if name in fields:
                            fields[name] = int(fields[name] or 0)
                    break
            written += len(json.dumps({"event": {"original": line}, **fields}))
    return watch.to_sample(len(lines))


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    lines = options.choose(LINES, QUICK)
    files = write_files(options.folder, lines)
    records = options.choose(GETMANY_RECORDS, GETMANY_QUICK)
    server = options.kafka()
    values = [line.encode() for line in read_lines(str(files["mixed"]))]

    def parse(name: str, kind: str, batch: int) -> Contender:
        return Contender(name, "bench.parse:parse_lines", {"path": str(files[kind]), "batch": batch})

    with filled_topic(server, repeat(values, records)) as topic:
        bare = {"server": server, "topic": topic, "records": records}
        contenders = [
            Contender("bare aiokafka getmany, the mixed lines", "bench.topics:read_bare", bare),
            parse("parse core, mixed lines, batches of 10,000", "mixed", BATCH),
            parse("parse core, mixed lines, batches of 50,000", "mixed", LARGE_BATCH),
            parse("parse core, access log of 214 bytes a line", "access", BATCH),
            parse("parse core, the demo's lines", "demo", BATCH),
            parse("parse core, ten programs, batches of 12,000", "ten", WORKER_BATCH),
            parse("parse core, ten programs, batches of 50,000", "ten", LARGE_BATCH),
            parse("parse core, sixty programs, batches of 12,000", "sixty", WORKER_BATCH),
            parse("parse core, sixty programs, batches of 50,000", "sixty", LARGE_BATCH),
            Contender(
                "a loop of regex and json, mixed lines",
                "bench.parse:loop_regex",
                {"path": str(files["mixed"])},
            ),
        ]
        samples = run_in_turns(contenders, options.rounds)
    getmany, small, large, access, demo, ten, large_ten, sixty, large_sixty, loop = samples.values()
    for name, found in samples.items():
        if found[0].details:
            tell(f"{name}: {_describe_stages(found)}")
    return [
        *(to_row(PART, name, found) for name, found in samples.items()),
        *_to_stages("four programs", small),
        *_to_stages("ten programs", ten),
        *_to_stages("sixty programs", sixty),
        by_cpu_second(PART, "access log of 214 bytes a line", access, RATES["access"]),
        by_cpu_second(PART, "ten programs, interleaved, as a worker takes them", ten, RATES["ten"]),
        by_cpu_second(PART, "ten programs, interleaved, as a run takes them", large_ten, RATES["ten"]),
        by_cpu_second(PART, "sixty programs, interleaved, as a worker takes them", sixty, RATES["sixty"]),
        by_cpu_second(PART, "sixty programs, interleaved, as a run takes them", large_sixty, RATES["sixty"]),
        scale(PART, "access log of 214 bytes a line", access, getmany, RATES["access"]),
        scale(PART, "ten programs, as a run takes them", large_ten, getmany, RATES["ten"]),
        scale(PART, "sixty programs, as a run takes them", large_sixty, getmany, RATES["sixty"]),
        *compare(PART, "parse core / getmany, batches of 10,000", small, getmany, GOAL),
        *compare(PART, "parse core / getmany, batches of 50,000", large, getmany, GOAL),
        *compare(PART, "access log / getmany", access, getmany),
        *compare(PART, "the demo's lines / getmany", demo, getmany),
        *compare(PART, "parse core / loop of regex and json", small, loop),
    ]


def write_files(folder: Path, lines: int) -> dict[str, Path]:
    """The input of the contenders, made once."""
    files = {name: folder / f"{name}-{SEED}-{lines}.lines" for name in MAKERS}
    for name, path in files.items():
        if not path.exists():
            write_lines(MAKERS[name](lines), path)
    return files


def _describe_stages(samples: list[Sample]) -> str:
    found = min(samples, key=lambda sample: sample.cpu).details
    return (
        f"{found['bytes']:.0f} bytes a line; choose {found['choose']:.2f}, extract and convert {found['extract']:.2f}, "
        f"document {found['document']:.2f} µs a line; {found['unparsed']:.2%} unparsed"
    )


def _to_stages(lines: str, samples: list[Sample]) -> list[Row]:
    names = {"choose": "choose", "extract": "extract and convert", "document": "document"}
    return [
        at_cost(PART, f"parse core, {lines}: {name}", [sample.details[key] for sample in samples])
        for key, name in names.items()
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

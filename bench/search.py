"""The first page of a search over the local store, for queries that find much, little and nothing.

It is measured on all cores, as the command searches, and on one for what has to look through most.
"""

import sys
import time
from pathlib import Path

from bench.contender import Contender, run, tell
from bench.local import choose_lines, list_cores, write_file
from bench.options import Options
from bench.report import Row, Sample, at_most

PART = "search"
LARGE = 10_000_000
LIMIT = 1.0
QUERIES = (
    "",
    "log.level:error",
    "http.response.status_code:>=500",
    "event.dataset:nginx.access url.path:/cart",
    "user.name:root",
    '"slow answer"',
    "nothing-has-this-word",
    "4011888",
)
# What is nowhere. The pieces of a word are nowhere either, those of a number everywhere: it takes a look at all texts.
DEAREST = QUERIES[-2:]


def search(store: str, query: str) -> Sample:
    """Contender: the newest hundred events of a query, with their documents, in a process that has just begun."""
    from pipeline.search import search_store
    from pipeline.search_query import parse_query

    began, cpu = time.perf_counter(), time.process_time()
    found = search_store(Path(store), parse_query(query), limit=100, with_documents=True)
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    return Sample(1, seconds, spent, details={"found": found.height})


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    events = options.records or (LARGE if options.large else choose_lines(options))
    path, store = options.folder / "search.log", options.folder / "search-store"
    write_file(path, events, "ten")
    cores = list_cores()[-1]
    arguments = {"path": str(path), "store": str(store), "processes": cores}
    filled = run(Contender("fill", "bench.local:run_command", arguments, cores))
    tell(f"a store of {events:,} events, made at {filled.rate:,.0f}/s")
    path.unlink()
    asked = [(query, cores) for query in QUERIES]
    if cores > 1:
        asked += [(query, 1) for query in DEAREST]
    samples: dict[tuple[str, int], list[Sample]] = {key: [] for key in asked}
    for _ in range(options.rounds):
        for (query, count), found in samples.items():
            arguments = {"store": str(store), "query": query}
            found.append(run(Contender(query, "bench.search:search", arguments, count)))
    return [
        at_most(PART, _describe(events, *key, found[0]), [sample.seconds for sample in found], "s", LIMIT)
        for key, found in samples.items()
    ]


def _describe(events: int, query: str, cores: int, sample: Sample) -> str:
    where = f"{cores} core{'s' * (cores > 1)}"
    return f"{events:,} events, {where}, first page of {query or 'everything'} ({sample.details['found']:.0f} found)"


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

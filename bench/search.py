"""The first page of a search over the local store, for queries that find much, little and nothing."""

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
)


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
    samples: dict[str, list[Sample]] = {query: [] for query in QUERIES}
    for _ in range(options.rounds):
        for query, found in samples.items():
            arguments = {"store": str(store), "query": query}
            found.append(run(Contender(query, "bench.search:search", arguments)))
    return [
        at_most(
            PART,
            f"{events:,} events, first page of {query or 'everything'} ({found[0].details['found']:.0f} found)",
            [sample.seconds for sample in found],
            "s",
            LIMIT,
        )
        for query, found in samples.items()
    ]


if __name__ == "__main__":
    from bench.__main__ import main

    sys.exit(main([PART, *sys.argv[1:]]))

"""`python -m bench` measures, and prints the ratios that the project holds itself to as one Markdown table.

    python -m bench [PART ...] [--quick | --large] [--json FILE] [--rounds N] [--records N]

Servers are found or started as the tests do it. Topics, groups and indices have names of their own and are deleted.
FILE is written after each part. The exit code is 1 if a goal was missed or a part failed.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from bench.contender import tell
from bench.options import Options
from bench.report import Row, describe_machine, to_json, to_markdown
from tests.servers import ELASTICSEARCH, KAFKA, Kind, Unavailable, find_or_start

PARTS = (
    "parse",
    "envelopes",
    "length",
    "rules",
    "transport",
    "kafka",
    "elasticsearch",
    "latency",
    "processes",
    "memory",
    "local",
    "search",
    "peers",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts named, or all; 1 if a goal was missed or a server cannot be had."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Tailrace, in ratios of one run."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="less of everything: a look, not a measurement")
    parser.add_argument(
        "--large",
        action="store_true",
        help="1 GB of files, ten million events to search, half an hour of load for memory",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each contender runs")
    parser.add_argument("--records", type=int, metavar="N", help="how many records each contender gets")
    wanted = parser.parse_args(arguments)
    if unknown := [name for name in wanted.parts if name not in PARTS]:
        parser.error(f"{', '.join(unknown)} is no part: use some of {', '.join(PARTS)}")
    machine = describe_machine()
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tailrace-bench-")))
        options = Options(
            folder,
            cache(lambda: start_server(KAFKA, stack)),
            cache(lambda: start_server(ELASTICSEARCH, stack)),
            wanted.quick,
            wanted.records,
            wanted.rounds,
            wanted.large,
        )
        for name in wanted.parts or PARTS:
            print(f"== {name}", file=sys.stderr, flush=True)
            measure: Callable[[Options], list[Row]] = importlib.import_module(f"bench.{name}").measure
            try:
                rows += measure(options)
            except Unavailable as reasons:
                tell(f"not measured, no server: {reasons}")
                rows.append(Row(name, "not measured: no server", met=False))
            except RuntimeError as error:  # the parts after it are worth having all the same
                tell(f"not measured: {error}")
                rows.append(Row(name, "not measured: it failed, see above", met=False))
            if wanted.json:
                wanted.json.write_text(to_json(machine, rows))
    print(to_markdown(rows))
    print(
        f"\n{machine['system']}, {machine['cores']} cores, Python {machine['python']}, load {machine['load']}"
    )
    return int(any(row.met is False for row in rows))


def start_server(kind: Kind, stack: ExitStack) -> str:
    """The address of a server, stopped with the stack if it was started here."""
    server = find_or_start(kind)
    stack.callback(server.stop)
    return server.address


if __name__ == "__main__":
    sys.exit(main())

"""Writes what a run found into the documentation: the tables of docs/performance.md, and its plots.

    python -m bench --json docs/performance.json
    python -m bench.publish docs/performance.json [FILE ...]

Both come of the same figures. Of several files the last one counts for each part of the benchmark, so that a part can
be run again alone. A plot without figures (its part was not run) stays as it is.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.report import Row, to_markdown
from bench.svg import Chart, Point, draw

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `make bench-plots` -->", "<!-- end of the figures -->"
# The title, what goes across, what goes upwards.
PLOTS = {
    "rules": ("Lines a CPU second, by number of rules", "rules", "lines a CPU second"),
    "cores": ("Lines a second, by cores", "cores", "lines a second"),
    "length": ("Lines a CPU second, by their length", "bytes a line", "lines a CPU second"),
}


def read_run(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """What `python -m bench --json` wrote: the machine, and the rows."""
    found = json.loads(path.read_text())
    return found["machine"], [Row(**row) for row in found["rows"]]


def read_runs(paths: Sequence[Path]) -> tuple[dict[str, Any], list[Row]]:
    """The machine of the last run, and for each part the rows of the last run that has it."""
    parts: dict[str, list[Row]] = {}
    machine: dict[str, Any] = {}
    for path in paths:
        machine, rows = read_run(path)
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row.part, []).append(row)
        parts |= found
    return machine, [row for rows in parts.values() for row in rows]


def build_charts(rows: Iterable[Row]) -> dict[str, Chart]:
    """The plots that rows have a place in, by name."""
    series: dict[str, dict[str, list[Point]]] = {}
    for row in rows:
        name, _, line = row.plot.partition(": ")
        if name in PLOTS and row.at is not None:
            series.setdefault(name, {}).setdefault(line, []).append(to_point(row))
    return {
        name: Chart(*PLOTS[name], {line: tuple(points) for line, points in found.items()})
        for name, found in series.items()
    }


def to_point(row: Row) -> Point:
    """Lines a second: the row's value, else its rate, else what its CPU time gives."""
    assert row.at is not None
    value = row.value if row.value is not None else row.rate
    if value is not None:
        return Point(row.at, value, row.low or value, row.high or value)
    cpu = row.cpu or 0.0
    return Point(row.at, 1e6 / cpu, 1e6 / (row.high or cpu), 1e6 / (row.low or cpu))


def to_section(machine: dict[str, Any], rows: Sequence[Row]) -> str:
    """The tables: what has a goal, and everything."""
    goals = [row for row in rows if row.goal]
    return "\n".join(
        [
            BEGIN,
            "",
            describe(machine),
            "",
            to_markdown(goals) if goals else "Nothing with a goal was measured.",
            "",
            "<details><summary>All figures</summary>",
            "",
            to_markdown(rows),
            "",
            "</details>",
            "",
            END,
        ]
    )


def describe(machine: dict[str, Any]) -> str:
    """Where the figures come from, in a sentence."""
    load = f"; the load before the run was {machine['load'][0]}" if machine["load"] else ""
    names = ", ".join(part for part in (machine["system"], machine["processor"]) if part)
    return f"{names}, {machine['cores']} cores, Python {machine['python']}{load}."


def publish(paths: Sequence[Path], document: Path = DOCUMENT) -> list[Path]:
    """Write tables and plots; the files written. ValueError when the document has no place for the tables."""
    machine, rows = read_runs(paths)
    text = document.read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{document} needs the lines {BEGIN!r} and {END!r}; the tables go between them")
    document.write_text(f"{before}{to_section(machine, rows)}{after}", encoding="utf-8")
    written = [document]
    folder = document.with_suffix("")
    for name, chart in build_charts(rows).items():
        folder.mkdir(exist_ok=True)
        written.append(folder / f"{name}.svg")
        written[-1].write_text(draw(chart), encoding="utf-8")
    return written


def main(arguments: Sequence[str]) -> int:
    """1 if there is nothing to publish."""
    paths = [Path(argument) for argument in arguments]
    gone = [str(path) for path in paths if not path.exists()]
    if gone or not paths:
        print(f"no figures in {', '.join(gone) or 'no file'}: python -m bench --json FILE", file=sys.stderr)
        return 1
    for made in publish(paths):
        print(f"wrote {made}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

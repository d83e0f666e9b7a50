"""Where the parse core's time goes: by function, and by rule.

    python -m bench.profile_parse [mixed|access|demo|FILE] [--lines 200000] [--batch 10000]

A function's own time holds that of the libraries it calls, but not that of other functions of `parsers`. The first
table is of the lines as they come; in the second each rule gets its own lines alone, in batches of the same size.
"""

import argparse
import inspect
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from bench.lines import MAKERS
from bench.parse import to_frame
from parsers.document import to_documents
from parsers.load import load_rule_set
from parsers.ruleset import RuleSet
from parsers.shipped import shipped_rules_directory

SHOWN = 30
# Below this many lines the fixed cost of a batch is all that one would see.
FEWEST = 100


@dataclass(slots=True)
class Account:
    """CPU seconds and calls of each function: its own, and with all that it calls."""

    own: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    whole: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)
    _stack: list[float] = field(default_factory=list)

    def watch(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time booked."""

        def watched(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            self._stack.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                spent = time.process_time() - began
                self.own[name] += spent - self._stack.pop()
                self.whole[name] += spent
                self.calls[name] += 1
                if self._stack:
                    self._stack[-1] += spent

        return watched


@contextmanager
def watching(account: Account) -> Iterator[None]:
    """All functions and methods of `parsers` are watched during the block, wherever they were imported to."""
    modules = [
        module for name, module in sys.modules.items() if name.split(".")[0] == "parsers" or name == __name__
    ]
    replaced: list[tuple[Any, str, Any]] = []
    watched: dict[Any, Any] = {}
    for owner in [*modules, *_find_classes(modules)]:
        for name, value in list(vars(owner).items()):
            # A generator's time passes between its calls.
            if not inspect.isfunction(value) or inspect.isgeneratorfunction(value):
                continue
            if not value.__module__.startswith("parsers") or name.startswith("__"):
                continue
            label = f"{value.__module__.removeprefix('parsers.')}.{value.__qualname__}"
            watched.setdefault(value, account.watch(label, value))
            replaced.append((owner, name, value))
            setattr(owner, name, watched[value])
    try:
        yield
    finally:
        for owner, name, value in replaced:
            setattr(owner, name, value)


def _find_classes(modules: list[Any]) -> list[type]:
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__.startswith("parsers")
    }
    return sorted(found, key=lambda value: value.__qualname__)


def parse_all(rules: RuleSet, frames: list[pl.DataFrame]) -> None:
    for frame in frames:
        for block in rules.parse(frame).blocks:
            to_documents(block.frame)


def cut(lines: list[str], batch: int) -> list[pl.DataFrame]:
    return [to_frame(lines[start : start + batch]) for start in range(0, len(lines), batch)]


def print_functions(rules: RuleSet, lines: list[str], batch: int) -> None:
    frames = cut(lines, batch)
    parse_all(rules, frames[:2])
    began = time.process_time()
    parse_all(rules, frames)
    plain = time.process_time() - began
    account = Account()
    with watching(account):
        parse_all(rules, frames)
    scale, total = 1e6 / len(lines), sum(account.own.values())
    print(f"{plain * scale:.2f} µs of CPU a line; {total * scale:.2f} while watched\n")
    print(f"{'own':>8} {'':>6} {'whole':>8} {'calls a batch':>14}  function   (µs a line)")
    for name, own in sorted(account.own.items(), key=lambda item: -item[1])[:SHOWN]:
        calls = account.calls[name] / len(frames)
        print(
            f"{own * scale:8.3f} {own / total:6.1%} {account.whole[name] * scale:8.3f} {calls:14.1f}  {name}"
        )


def print_rules(rules: RuleSet, lines: list[str], batch: int) -> None:
    by_rule: dict[str, list[str]] = {}
    for frame in cut(lines, batch):
        for block in rules.parse(frame).blocks:
            by_rule.setdefault(block.rule or "(none)", []).extend(block.frame["event.original"])
    print(f"\n{'alone':>8} {'lines':>8} {'share':>7} {'bytes':>6}  rule   (µs of CPU a line)")
    for name, own in sorted(by_rule.items(), key=lambda item: -len(item[1])):
        if len(own) < FEWEST:
            continue
        enough = (own * (batch // len(own) + 1))[: max(batch, len(own))]
        frames = cut(enough, batch)
        parse_all(rules, frames[:1])
        began = time.process_time()
        parse_all(rules, frames)
        spent = (time.process_time() - began) / len(enough) * 1e6
        size = sum(map(len, own)) / len(own)
        print(f"{spent:8.2f} {len(own):8,} {len(own) / len(lines):7.1%} {size:6.0f}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Where the parse core's time goes.")
    parser.add_argument("input", nargs="?", default="mixed", help=f"{', '.join(MAKERS)}, or a file of lines")
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=10_000)
    wanted = parser.parse_args()
    if wanted.input in MAKERS:
        lines = MAKERS[wanted.input](wanted.lines)
    else:
        text = Path(wanted.input).read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()[: wanted.lines]
    rules = load_rule_set(shipped_rules_directory())
    print_functions(rules, lines, wanted.batch)
    print_rules(rules, lines, wanted.batch)


if __name__ == "__main__":
    main()

from collections import Counter
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from bench.lines import MAKERS, make_envelopes
from bench.parse import to_frame
from bench.programs import TEN, Program, compile_template, load_programs, make_named
from parsers.load import load_rule_set
from parsers.ruleset import RuleSet
from parsers.shipped import shipped_rules_directory
from pipeline.stages.decode import decode_records

LINES = 6_000
# Milliseconds since 1970: an hour after the first line.
LATER = 1_773_655_200_000


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rule_set(shipped_rules_directory())


def parse(rules: RuleSet, frame: pl.DataFrame) -> dict[str, str | None]:
    return {
        text: block.rule
        for block in rules.parse(frame).blocks
        for text in block.frame["event.original"].to_list()
    }


@pytest.mark.parametrize("count", [TEN, 60])
def test_every_line_is_taken_by_a_rule_of_its_program(rules: RuleSet, count: int) -> None:
    named = make_named(LINES, load_programs(count))

    taken = parse(rules, to_frame([line for _, line in named]))

    strangers = [
        (program.name, taken[line], line) for program, line in named if taken[line] not in program.rules
    ]
    assert strangers == []
    assert len({program.name for program, _ in named}) == count


@pytest.mark.parametrize("kind", ["ten", "sixty"])
def test_in_envelopes_a_rule_takes_almost_every_line_too(rules: RuleSet, kind: str) -> None:
    decoded = decode_records("raw", 0, range(LINES), [LATER] * LINES, make_envelopes(kind, LINES))

    blocks = rules.parse(decoded.lines).blocks

    unparsed = sum(block.frame.height for block in blocks if block.rule is None)
    assert sum(block.frame.height for block in blocks) == LINES
    assert unparsed <= LINES * 0.005


def test_lines_differ_and_are_the_same_in_every_run() -> None:
    lines = MAKERS["sixty"](LINES)

    assert lines == MAKERS["sixty"](LINES)
    assert len(set(lines)) > LINES * 0.99


def test_lines_are_about_as_long_as_those_of_real_systems() -> None:
    for kind in ("ten", "sixty"):
        lines = MAKERS[kind](LINES)
        assert 120 <= sum(map(len, lines)) / len(lines) <= 220


def test_shares_follow_the_rank() -> None:
    programs = load_programs(TEN)

    counted = Counter(program.name for program, _ in make_named(20_000, programs))

    shares = [counted[program.name] / 20_000 for program in programs]
    assert shares[0] == pytest.approx(0.341, abs=0.02)
    assert shares[0] / shares[4] == pytest.approx(5, abs=0.8)
    assert min(shares) > 0.025


def test_programs_are_interleaved() -> None:
    names = [program.name for program, _ in make_named(LINES, load_programs(TEN))]

    assert sum(one != next_one for one, next_one in pairwise(names)) > LINES * 0.7


def test_few_lines_hold_as_many_programs_as_they_can() -> None:
    assert len({program.name for program, _ in make_named(60, load_programs())}) == 60
    assert len(make_named(7, load_programs())) == 7


def test_an_unknown_value_is_named() -> None:
    with pytest.raises(ValueError, match="«colour red» is no value: use one of address"):
        compile_template("a «colour red» chair")


def test_a_line_that_is_no_template_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "programs.txt"
    path.write_text("== shop shop_log\n10 paid\nten paid\n")

    with pytest.raises(ValueError, match=r"programs.txt:3: no template"):
        load_programs(path=path)


def test_programs_have_names_of_their_own() -> None:
    programs: list[Program] = load_programs()

    assert len({program.name for program in programs}) == len(programs) >= 60

import json

from bench.report import (
    Sample,
    at_least,
    at_most,
    by_cpu_second,
    compare,
    compare_cores,
    limit,
    scale,
    to_json,
    to_markdown,
    to_row,
)

SLOW = [Sample(100, 1.0, 1.0), Sample(100, 2.0, 1.0), Sample(100, 4.0, 1.0)]
FAST = [Sample(100, 0.5, 0.5), Sample(100, 0.5, 0.25), Sample(100, 1.0, 0.5)]


def test_a_contender_is_told_by_its_median_and_its_range() -> None:
    row = to_row("part", "slow", SLOW)

    assert (row.rate, row.low, row.high, row.cpu) == (50, 25, 100, 10_000)


def test_a_comparison_goes_round_by_round() -> None:
    by_clock, by_cpu = compare("part", "fast / slow", FAST, SLOW, 3)

    assert (by_clock.value, by_clock.low, by_clock.high, by_clock.met) == (4, 2, 4, True)
    assert (by_cpu.value, by_cpu.met) == (2, None)
    assert compare("part", "fast / slow", FAST, SLOW, 4.5)[0].met is False


def test_cores_are_compared_by_the_clock_and_by_what_a_record_costs() -> None:
    by_clock, by_cpu = compare_cores("part", "2 cores / one", 2, FAST, SLOW, 5)

    assert (by_clock.value, by_clock.met) == (4, False)
    assert (by_cpu.value, by_cpu.low, by_cpu.high) == (4, 4, 8)


def test_a_rate_is_scaled_to_the_machine_of_the_goals_round_by_round() -> None:
    getmany = [Sample(350_000, 1.0, 1.0), Sample(1_400_000, 1.0, 1.0)]
    row = scale("part", "fast", [Sample(10_000, 1.0, 1.0), Sample(30_000, 1.0, 1.0)], getmany, 20_000)

    assert (row.value, row.low, row.high, row.met) == (17_500, 15_000, 20_000, False)


def test_goals_are_met_or_missed() -> None:
    assert at_least("part", "rate", [1, 3, 2], "x", 2).met is True
    assert at_least("part", "rate", [1, 3, 2], "x", 2.1).met is False
    assert at_most("part", "time", [1, 3, 2], "s", 2).met is True
    assert at_most("part", "time", [1, 3, 2], "s", 1.9).met is False
    assert limit("part", "size", 401, "MB", 400).met is False
    assert by_cpu_second("part", "rate", FAST, 200).value == 200


def test_the_table_is_markdown() -> None:
    lines = to_markdown(
        [to_row("part", "slow", SLOW), by_cpu_second("part", "fast", [Sample(600_000, 1, 2)], 250_000)]
    ).splitlines()

    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "part", "slow", "50", "10000.00", "", "25 - 100", "", "",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == [
        "part", "fast", "", "", "300,000 a CPU second", "300,000 - 300,000", ">= 250,000 a CPU second", "pass",
    ]  # fmt: skip


def test_columns_without_a_figure_are_left_out() -> None:
    header = to_markdown([at_least("part", "rate", [1, 3, 2], "x")]).splitlines()[0]

    assert [cell.strip() for cell in header.split("|")[1:-1]] == ["part", "what", "value", "from - to"]


def test_the_json_holds_the_same() -> None:
    found = json.loads(to_json({"cores": 2}, [to_row("part", "slow", SLOW)]))

    assert found["machine"] == {"cores": 2}
    assert (found["rows"][0]["rate"], found["rows"][0]["low"]) == (50, 25)

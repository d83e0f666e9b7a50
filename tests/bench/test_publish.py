import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.length import pad
from bench.lines import make_access_only
from bench.publish import BEGIN, DOCUMENT, END, PLOTS, build_charts, main, publish
from bench.report import Row, Sample, at_least, by_cpu_second, place, to_json, to_row
from bench.svg import Chart, Point, choose_top, draw

MACHINE = {
    "system": "Linux x86_64",
    "processor": "Abacus",
    "cores": 2,
    "python": "3.13.1",
    "load": [0.5, 0, 0],
}
ROWS = [
    place(Row("rules", "among 1", cpu=4.0, low=2.0, high=5.0), "rules: ten <programs>", 1),
    place(Row("rules", "among 1,000", cpu=5.0, low=4.0, high=10.0), "rules: ten <programs>", 1_000),
    place(to_row("local", "1 core", [Sample(100, 1, 1), Sample(100, 2, 1)]), "cores: files", 1),
    place(by_cpu_second("length", "400 bytes", [Sample(100, 9, 2)]), "length: access log", 400),
    at_least("local", "two cores / one", [1.9], "x", 1.7),
]
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(to_json(MACHINE, ROWS))
    return path


def test_the_tables_take_the_place_of_the_old_ones(run: Path, tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"# Performance\n\n{BEGIN}\nold\n{END}\n\nHow to run it.\n")

    publish([run], document)
    text = document.read_text()
    publish([run], document)

    assert document.read_text() == text
    assert text.startswith(
        f"# Performance\n\n{BEGIN}\n\nLinux x86_64, Abacus, 2 cores, Python 3.13.1; the load"
    )
    assert text.endswith(f"{END}\n\nHow to run it.\n")
    assert "old" not in text
    goals, everything = text.split("<details>")
    assert goals.count("two cores / one") == everything.count("two cores / one") == 1
    assert goals.count("among 1,000") == 0
    assert everything.count("among 1,000") == 1


def test_plots_lie_beside_the_document(run: Path, tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"{BEGIN}\n{END}")

    written = publish([run], document)

    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "performance.md", "performance/rules.svg", "performance/cores.svg", "performance/length.svg",
    ]  # fmt: skip
    for path in written[1:]:
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_a_document_without_a_place_for_the_tables_is_left_alone(run: Path, tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Performance\n")

    with pytest.raises(ValueError, match=r"performance\.md needs the lines"):
        publish([run], document)
    assert document.read_text() == "# Performance\n"


def test_rows_become_points() -> None:
    charts = build_charts(ROWS)

    assert charts["rules"].series == {
        "ten <programs>": (
            Point(1, 250_000, 200_000, 500_000),
            Point(1_000, 200_000, 100_000, 250_000),
        )
    }
    assert charts["cores"].series == {"files": (Point(1, 75, 50, 100),)}
    assert charts["length"].series == {"access log": (Point(400, 50, 50, 50),)}


def test_a_row_of_another_plot_is_left_out() -> None:
    assert build_charts([replace(ROWS[0], plot="hats: one"), replace(ROWS[0], at=None)]) == {}


def test_a_chart_has_a_mark_for_every_point_and_names_its_series() -> None:
    root = ElementTree.fromstring(draw(build_charts(ROWS)["rules"]))

    marks = root.findall("svg:circle", NAMESPACE)
    assert [mark.findtext("svg:title", namespaces=NAMESPACE) for mark in marks] == [
        "1: 250,000 (200,000 - 500,000)",
        "1,000: 200,000 (100,000 - 250,000)",
    ]
    assert float(marks[0].attrib["cx"]) < float(marks[1].attrib["cx"])
    assert float(marks[0].attrib["cy"]) < float(marks[1].attrib["cy"])
    texts = [text.text for text in root.findall("svg:text", NAMESPACE)]
    assert {"ten <programs>", "rules", "0", "500,000", "1", "1,000"} <= set(texts)


def test_a_chart_is_legible_on_dark_pages_too() -> None:
    style = ElementTree.fromstring(draw(build_charts(ROWS)["cores"])).findtext(
        "svg:style", namespaces=NAMESPACE
    )

    assert style is not None
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    assert "text{fill:#24292f}" in light
    assert "text{fill:#e6edf3}" in dark


def test_a_chart_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(Chart("Empty", "x", "y", {}))


@pytest.mark.parametrize(
    ("value", "top"), [(0, 5), (4.2, 5), (99, 100), (101, 150), (312_000, 400_000), (7, 10)]
)
def test_the_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert choose_top(value) == top


def test_padded_lines_have_the_length_that_was_asked_for() -> None:
    for length in (400, 1_600, 6_400):
        assert {len(pad(line, length)) for line in make_access_only(100)} == {length}
    assert sum(len(pad(line, 150)) for line in make_access_only(100)) / 100 < 214


def test_the_json_is_what_the_benchmarks_write(run: Path) -> None:
    assert set(json.loads(run.read_text())["rows"][0]) >= {"plot", "at", "low", "high"}


def test_of_several_runs_the_last_one_counts_for_each_part(run: Path, tmp_path: Path) -> None:
    document, again = tmp_path / "performance.md", tmp_path / "again.json"
    document.write_text(f"{BEGIN}\n{END}")
    again.write_text(to_json(MACHINE, [at_least("local", "two cores / one", [1.5], "x", 1.7)]))

    publish([run, again], document)
    text = document.read_text()

    assert "1.5x" in text
    assert "1.9x" not in text
    assert "among 1,000" in text


def test_without_figures_it_is_told_how_to_get_some(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gone.json"]) == 1
    assert "gone.json: python -m bench --json FILE" in capsys.readouterr().err


def test_the_document_has_a_place_for_the_tables_and_shows_plots_that_are_there() -> None:
    text = DOCUMENT.read_text()

    assert text.count(BEGIN) == text.count(END) == 1
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert sorted(shown) == sorted(f"performance/{name}.svg" for name in PLOTS)
    for name in shown:
        assert ElementTree.parse(DOCUMENT.parent / name).getroot().tag.endswith("svg")

"""Line charts as SVG texts, to be read on a light page and on a dark one: no library, no script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 96, 24, 46, 88
TICKS = 5
# Told apart by people who do not see all colours, and by their marks; the second of each pair is for dark pages.
COLORS = (("#0072b2", "#56b4e9"), ("#d55e00", "#e69f00"), ("#009e73", "#2fd3a5"), ("#8b3a7e", "#e39bd4"))


@dataclass(frozen=True, slots=True)
class Point:
    """A median with the lowest and the highest of its rounds."""

    at: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Series by their names. The horizontal axis is logarithmic; the vertical one begins at 0."""

    title: str
    across: str
    upwards: str
    series: dict[str, tuple[Point, ...]]


def draw(chart: Chart) -> str:
    """The chart as an SVG document. ValueError when it has no point."""
    points = [point for found in chart.series.values() for point in found]
    if not points:
        raise ValueError(f"nothing to draw for {chart.title!r}")
    ats = sorted({point.at for point in points})
    top = choose_top(max(point.high for point in points))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(chart.title)}">',
        f"<style>{_write_style()}</style>",
        f'<text class="title" x="{LEFT}" y="24">{escape(chart.title)}</text>',
    ]
    for number in range(TICKS + 1):
        value = top * number / TICKS
        y = _to_y(value, top)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    for at in _choose_marks(ats):
        x = _to_x(at, ats)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{at:,.0f}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(
        f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 42}" text-anchor="middle">{escape(chart.across)}</text>'
    )
    parts.append(
        f'<text transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(chart.upwards)}</text>'
    )
    left = float(LEFT)
    for number, (name, found) in enumerate(chart.series.items()):
        parts += _draw_series(f"s{number % len(COLORS)}", sorted(found, key=lambda point: point.at), ats, top)
        parts.append(
            f'<rect class="s{number % len(COLORS)} mark" x="{left}" y="{HEIGHT - 30}" width="14" height="14"/>'
        )
        parts.append(f'<text x="{left + 20}" y="{HEIGHT - 18}">{escape(name)}</text>')
        left += 40 + 7.2 * len(name)
    return "\n".join([*parts, "</svg>"]) + "\n"


def choose_top(value: float) -> float:
    """The end of an axis of five equal steps that are easy to read, at or above a value."""
    if value <= 0:
        return float(TICKS)
    step = 10.0 ** math.floor(math.log10(value / TICKS))
    return next(
        factor * step * TICKS for factor in (1, 2, 3, 4, 5, 6, 8, 10) if factor * step * TICKS >= value
    )


def _draw_series(style: str, points: Sequence[Point], ats: Sequence[float], top: float) -> list[str]:
    places = [(_to_x(point.at, ats), _to_y(point.value, top)) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline class="{style} path" points="{path}"/>']
    for point, (x, y) in zip(points, places, strict=True):
        low, high = _to_y(point.low, top), _to_y(point.high, top)
        parts.append(f'<line class="{style} path" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"/>')
        parts.append(
            f'<circle class="{style} mark" cx="{x:.1f}" cy="{y:.1f}" r="4">'
            f"<title>{point.at:,.0f}: {point.value:,.0f} ({point.low:,.0f} - {point.high:,.0f})</title></circle>"
        )
    return parts


def _choose_marks(ats: Sequence[float]) -> list[float]:
    """Places far enough from each other for their numbers."""
    chosen: list[float] = []
    for at in ats:
        if not chosen or _to_x(at, ats) - _to_x(chosen[-1], ats) >= 44:
            chosen.append(at)
    return chosen


def _to_x(at: float, ats: Sequence[float]) -> float:
    low, high = math.log(min(ats)), math.log(max(ats))
    share = 0.5 if low == high else (math.log(at) - low) / (high - low)
    return LEFT + 20 + share * (WIDTH - LEFT - RIGHT - 40)


def _to_y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _write_style() -> str:
    rules = {"text": ("fill", "#24292f", "#e6edf3"), ".grid": ("stroke", "#d0d7de", "#3d444d")}
    base = "text{font:13px system-ui,sans-serif}.title{font-size:15px;font-weight:600}.path{fill:none;stroke-width:2}"
    sides = []
    for side in (1, 2):
        style = "".join(f"{name}{{{rule[0]}:{rule[side]}}}" for name, rule in rules.items())
        for number, pair in enumerate(COLORS):
            style += f".s{number}.path{{stroke:{pair[side - 1]}}}.s{number}.mark{{fill:{pair[side - 1]}}}"
        sides.append(style)
    return f"{base}{sides[0]}@media (prefers-color-scheme:dark){{{sides[1]}}}"

"""A scatter plot of two figures as SVG, with nothing but text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 160, 20, 50
TICKS = 5
COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e",
    "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22",
)  # fmt: skip
_SMALLEST = 1e-9
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One figure against another, named in the legend; its line reaches from x to x_far."""

    name: str
    x: float
    x_far: float
    y: float


@dataclass(frozen=True, slots=True)
class Level:
    """A height to compare with."""

    name: str
    y: float


@dataclass(frozen=True, slots=True)
class Axis:
    """From zero to a round number."""

    label: str
    end: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """Where the numbers stand."""
        return [index * self.step for index in range(round(self.end / self.step) + 1)]


def axis(label: str, values: Sequence[float]) -> Axis:
    """An axis that all values, zero or above, fit on."""
    wanted = max([*values, _SMALLEST]) / TICKS
    magnitude = 10.0 ** math.floor(math.log10(wanted))
    step = next(magnitude * step for step in _STEPS if magnitude * step >= wanted * (1 - 1e-9))
    return Axis(label, step * TICKS, step)


def scatter(points: Sequence[Point], level: Level, x_label: str, y_label: str) -> str:
    """The plot as the text of an SVG file."""
    x_axis = axis(x_label, [point.x_far for point in points])
    y_axis = axis(y_label, [level.y, *(point.y for point in points)])
    drawn = [_level(level, y_axis)]
    for index, point in enumerate(points):
        colour = COLOURS[index % len(COLOURS)]
        drawn.append(_point(point, x_axis, y_axis, colour))
        drawn.append(_legend(point.name, index, colour))
    parts = [*_frame(x_axis, y_axis), *drawn]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _frame(x_axis: Axis, y_axis: Axis) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="black"/>',
        _text((LEFT + right) / 2, HEIGHT - 12, x_axis.label, "middle"),
        f'<g transform="translate(16 {(TOP + bottom) / 2:.1f}) rotate(-90)">'
        f"{_text(0, 0, y_axis.label, 'middle')}</g>",
    ]
    for tick in x_axis.ticks:
        parts.append(_text(_x(tick, x_axis), bottom + 18, f"{tick:g}", "middle"))
    for tick in y_axis.ticks:
        y = _y(tick, y_axis)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#dddddd"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tick:g}", "end"))
    return parts


def _point(point: Point, x_axis: Axis, y_axis: Axis, colour: str) -> str:
    x, y = _x(point.x, x_axis), _y(point.y, y_axis)
    return (
        f'<path d="M{x:.1f} {y:.1f}H{_x(point.x_far, x_axis):.1f}" stroke="{colour}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    )


def _level(level: Level, y_axis: Axis) -> str:
    y, right = _y(level.y, y_axis), WIDTH - RIGHT
    return f'<path d="M{LEFT} {y:.1f}H{right}" stroke="black" stroke-dasharray="4 4"/>' + _text(
        right + 4, y + 4, level.name, "start"
    )


def _legend(name: str, index: int, colour: str) -> str:
    x, y = WIDTH - RIGHT + 64, TOP + 10 + 18 * index
    return f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' + _text(
        x + 10, y + 4, name, "start"
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(value: float, axis: Axis) -> float:
    return LEFT + value / axis.end * (WIDTH - LEFT - RIGHT)


def _y(value: float, axis: Axis) -> float:
    return HEIGHT - BOTTOM - value / axis.end * (HEIGHT - TOP - BOTTOM)

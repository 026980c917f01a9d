"""The plot is well-formed, and its points lie where their figures say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Level, Point, axis, scatter

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("highest", "end", "step"),
    [
        (0.9, 1.0, 0.2),
        (1.1, 1.25, 0.25),
        (2.2, 2.5, 0.5),
        (8, 10, 2),
        (70, 100, 20),
        (0, 1e-9, 2e-10),
    ],
)
def test_axes_end_at_round_numbers(highest: float, end: float, step: float) -> None:
    made = axis("x", [0.0, highest])
    assert made.end == pytest.approx(end, rel=1e-6)
    assert made.step == pytest.approx(step, rel=1e-6)
    assert len(made.ticks) == 6


def test_points_lie_where_their_figures_say() -> None:
    points = [Point("<a>", 0.5, 1.0, 0.0), Point("b", 0.0, 0.2, 10.0)]
    drawn = scatter(points, Level("offline", 5.0), "lag (s)", "WER (%)")
    root = ElementTree.fromstring(drawn)
    circles = [
        (float(circle.attrib["cx"]), float(circle.attrib["cy"]))
        for circle in root.iter(f"{SVG}circle")
    ]
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    # Each point is followed by its colour in the legend.
    assert circles[::2] == [(middle, HEIGHT - BOTTOM), (LEFT, TOP)]
    half = (TOP + HEIGHT - BOTTOM) / 2
    assert f'd="M{LEFT} {half:.1f}H{WIDTH - RIGHT}" stroke="black"' in drawn
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"<a>", "b", "lag (s)", "WER (%)", "offline", "10"} <= set(texts)

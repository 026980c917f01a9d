"""The plot is well-formed, and its points lie where their figures say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Point, axis, scatter

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
    points = [Point("<a>", 0.5, 1.0, 0.0, "clean"), Point("b", 0.0, 0.2, 10.0, "white")]
    root = ElementTree.fromstring(scatter(points, "lag (s)", "WER (%)"))
    circles = [
        (float(circle.attrib["cx"]), float(circle.attrib["cy"]))
        for circle in root.iter(f"{SVG}circle")
    ]
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    assert circles[:2] == [(middle, HEIGHT - BOTTOM), (LEFT, TOP)]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"<a>", "b", "lag (s)", "WER (%)", "clean", "white", "10"} <= set(texts)

"""Whether something grows: slopes of what was sampled over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

MIN_POINTS = 4
"""Of a series, so that a quarter of it is not empty."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How a series went, after its warm-up."""

    first: float
    """Median of its first quarter."""
    last: float
    """Median of its last quarter."""
    most: float
    per_minute: float
    """Slope of Theil and Sen: the median over all pairs, which a few outliers do not move."""

    @property
    def growth(self) -> float:
        """From the first to the last quarter."""
        return self.last - self.first


def trend(minutes: Sequence[float], values: Sequence[float]) -> Trend:
    """Of values at times; ValueError where there are too few to tell."""
    if len(values) < MIN_POINTS:
        raise ValueError(f"{len(values)} samples are too few: at least {MIN_POINTS}")
    quarter = len(values) // 4
    return Trend(
        first=median(values[:quarter]),
        last=median(values[-quarter:]),
        most=max(values),
        per_minute=_slope(np.asarray(minutes, float), np.asarray(values, float)),
    )


def _slope(at: np.ndarray, values: np.ndarray) -> float:
    first, second = np.triu_indices(len(at), k=1)
    return float(np.median((values[second] - values[first]) / (at[second] - at[first])))

"""How figures are noted, wherever they go; keeps the number of series bounded."""

from __future__ import annotations

from abc import ABC, abstractmethod

from deployments.metering.catalogue import Counter, Gauge, Histogram, Metric

MAX_LABEL_VALUES = 40
"""Of one label of one metric in a process; the next value is counted as `other`."""
OTHER = "other"


class Meters(ABC):
    """Counts, sets and observes the metrics of the catalogue."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], set[str]] = {}

    def count(self, metric: Counter, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a sum; nothing happens where there is nothing to add."""
        if amount > 0:
            self._count(metric, amount, self._bounded(metric, labels))

    def set(self, metric: Gauge, value: float, /, **labels: str) -> None:
        """The figure is this now."""
        self._set(metric, value, self._bounded(metric, labels))

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """It was this much, once."""
        self._observe(metric, value, self._bounded(metric, labels))

    @abstractmethod
    def _count(self, metric: Counter, amount: float, labels: dict[str, str]) -> None: ...

    @abstractmethod
    def _set(self, metric: Gauge, value: float, labels: dict[str, str]) -> None: ...

    @abstractmethod
    def _observe(self, metric: Histogram, value: float, labels: dict[str, str]) -> None: ...

    def _bounded(self, metric: Metric, labels: dict[str, str]) -> dict[str, str]:
        """The labels, in place; raises ValueError for any but those of the metric."""
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {tuple(labels)}")
        for label in metric.labels:
            seen = self._seen.setdefault((metric.name, label), set())
            value = labels[label]
            if value in seen:
                continue
            if len(seen) < MAX_LABEL_VALUES:
                seen.add(value)
            else:
                labels[label] = OTHER
        return labels

"""Figures into Ray's metrics: the agent of each node shows those of all its replicas together.

prometheus_client would not do in a replica: each has a registry of its own, and a scrape through
Serve's proxy reaches any of them.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from weakref import ref

from ray.serve import metrics as serve_metrics

from deployments.metering.catalogue import CATALOGUE, Counter, Gauge, Histogram
from deployments.metering.meters import Meters

REFRESH_S = 0.5
"""More often than Ray may be told to report, which is once a second."""


class ServeMeters(Meters):
    """All metrics of the catalogue; to be made inside a replica.

    Ray forgets a gauge when it has reported it, so the last values are set again and again.
    """

    def __init__(self, refresh_s: float = REFRESH_S) -> None:
        super().__init__()
        self._last: dict[tuple[str, tuple[str, ...]], tuple[float, dict[str, str]]] = {}
        self._counters: dict[str, serve_metrics.Counter] = {}
        self._gauges: dict[str, serve_metrics.Gauge] = {}
        self._histograms: dict[str, serve_metrics.Histogram] = {}
        for metric in CATALOGUE:
            name, text = metric.name, metric.help
            labels: Any = metric.labels  # Serve's annotation allows for a single one only.
            match metric:
                case Counter():
                    self._counters[name] = serve_metrics.Counter(name, text, labels)
                case Gauge():
                    self._gauges[name] = serve_metrics.Gauge(name, text, labels)
                case Histogram():
                    bounds = list(metric.buckets)
                    self._histograms[name] = serve_metrics.Histogram(name, text, bounds, labels)

        threading.Thread(target=_refresh, args=(ref(self), refresh_s), daemon=True).start()

    def _count(self, metric: Counter, amount: float, labels: dict[str, str]) -> None:
        self._counters[metric.name].inc(amount, tags=labels)

    def _set(self, metric: Gauge, value: float, labels: dict[str, str]) -> None:
        self._last[metric.name, tuple(labels.values())] = value, labels
        self._gauges[metric.name].set(value, tags=labels)

    def refresh(self) -> None:
        """Set all gauges to what they are."""
        for (name, _), (value, labels) in list(self._last.items()):
            self._gauges[name].set(value, tags=labels)

    def _observe(self, metric: Histogram, value: float, labels: dict[str, str]) -> None:
        self._histograms[metric.name].observe(value, tags=labels)


def _refresh(meters: ref[ServeMeters], every_s: float) -> None:
    while (alive := meters()) is not None:
        alive.refresh()
        del alive
        time.sleep(every_s)

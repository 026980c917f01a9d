"""Figures into a registry of prometheus_client: in tests and benchmarks, and wherever no Ray is."""

from __future__ import annotations

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, generate_latest

from deployments.metering.catalogue import CATALOGUE, Counter, Gauge, Histogram
from deployments.metering.meters import Meters


class PrometheusMeters(Meters):
    """All metrics of the catalogue in one registry."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = CollectorRegistry()
        self._counters: dict[str, prometheus.Counter] = {}
        self._gauges: dict[str, prometheus.Gauge] = {}
        self._histograms: dict[str, prometheus.Histogram] = {}
        for metric in CATALOGUE:
            about = (metric.name, metric.help, metric.labels)
            match metric:
                case Counter(name):
                    self._counters[name] = prometheus.Counter(*about, registry=self.registry)
                case Gauge(name):
                    self._gauges[name] = prometheus.Gauge(*about, registry=self.registry)
                case Histogram(name, buckets=buckets):
                    self._histograms[name] = prometheus.Histogram(
                        *about, buckets=buckets, registry=self.registry
                    )

    def render(self) -> str:
        """In Prometheus' text format."""
        return generate_latest(self.registry).decode()

    def value(self, name: str, /, **labels: str) -> float:
        """One sample by its name in the text format; 0 where there is none yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def _count(self, metric: Counter, amount: float, labels: dict[str, str]) -> None:
        counter = self._counters[metric.name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def _set(self, metric: Gauge, value: float, labels: dict[str, str]) -> None:
        gauge = self._gauges[metric.name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def _observe(self, metric: Histogram, value: float, labels: dict[str, str]) -> None:
        histogram = self._histograms[metric.name]
        (histogram.labels(**labels) if labels else histogram).observe(value)

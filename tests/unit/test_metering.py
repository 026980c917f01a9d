"""Both places where figures go know the same metrics, and neither grows without a bound."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ray.serve import metrics as serve_metrics

from deployments.metering import catalogue as m
from deployments.metering import process_meters
from deployments.metering.meters import MAX_LABEL_VALUES
from deployments.metering.prometheus import PrometheusMeters
from deployments.metering.serve import ServeMeters

ROOT = Path(__file__).parents[2]
KINDS = {m.Counter: "counter", m.Gauge: "gauge", m.Histogram: "histogram"}


def noted(meters: PrometheusMeters | ServeMeters) -> None:
    """Every metric, once."""
    for metric in m.CATALOGUE:
        labels = {label: f"a {label}" for label in metric.labels}
        match metric:
            case m.Counter():
                meters.count(metric, 2.0, **labels)
            case m.Gauge():
                meters.set(metric, 3.0, **labels)
            case m.Histogram():
                meters.observe(metric, 0.3, **labels)


def test_a_scrape_has_every_metric_with_its_type_labels_and_buckets() -> None:
    meters = PrometheusMeters()
    noted(meters)
    families = {family.name: family for family in text_string_to_metric_families(meters.render())}
    assert len({metric.name for metric in m.CATALOGUE}) == len(m.CATALOGUE)
    for metric in m.CATALOGUE:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == KINDS[type(metric)]
        assert family.documentation == metric.help
        labels = set(family.samples[0].labels) - {"le"}
        assert labels == set(metric.labels)
        if isinstance(metric, m.Histogram):
            bounds = [s.labels["le"] for s in family.samples if s.name.endswith("_bucket")]
            assert [float(bound) for bound in bounds[:-1]] == list(metric.buckets)


def test_rays_metrics_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    noted_by_ray: list[tuple[str, float, Mapping[str, str]]] = []

    def record(self: object, value: float, tags: Mapping[str, str] | None = None) -> None:
        noted_by_ray.append((cast("Any", self).info["name"], value, dict(tags or {})))

    monkeypatch.setattr(serve_metrics.metrics.Metric, "_record", record)
    meters = ServeMeters()
    noted(meters)
    infos = {
        metric.info["name"]: metric.info
        for metrics in (meters._counters, meters._gauges, meters._histograms)
        for metric in metrics.values()
    }
    assert len(noted_by_ray) == len(infos) == len(m.CATALOGUE)
    for metric, (name, value, tags) in zip(m.CATALOGUE, noted_by_ray, strict=True):
        info = infos[metric.name]
        assert name == metric.name
        assert value in (2.0, 3.0, 0.3)
        assert set(tags) == set(info["tag_keys"]) == set(metric.labels)
        assert info["description"] == metric.help
        if isinstance(metric, m.Histogram):
            assert info["boundaries"] == list(metric.buckets)


def test_a_gauge_that_does_not_change_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Semaphore(0)
    monkeypatch.setattr(serve_metrics.metrics.Metric, "_record", lambda *_, **__: told.release())
    meters = ServeMeters(refresh_s=0.01)
    meters.set(m.BACKLOG_AUDIO_SECONDS, 1.0, stage="asr")
    for _ in range(4):
        assert told.acquire(timeout=5)


def test_names_follow_prometheus() -> None:
    for metric in m.CATALOGUE:
        assert re.fullmatch(r"dragoman_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == isinstance(metric, m.Counter)
        assert metric.help.endswith(".")
        if isinstance(metric, m.Histogram):
            assert list(metric.buckets) == sorted(set(metric.buckets))
            assert min(metric.buckets) > 0


def test_a_label_has_only_so_many_values() -> None:
    meters = PrometheusMeters()
    for number in range(MAX_LABEL_VALUES + 10):
        meters.count(m.ERRORS_TOTAL, code=f"code_{number}")
    meters.count(m.ERRORS_TOTAL, code="code_0")
    assert meters.value("dragoman_errors_total", code="code_0") == 2
    assert meters.value("dragoman_errors_total", code="other") == 10
    assert meters.value("dragoman_errors_total", code=f"code_{MAX_LABEL_VALUES}") == 0


def test_all_series_of_a_replica_stay_below_3000() -> None:
    meters = PrometheusMeters()
    for number in range(MAX_LABEL_VALUES + 1):
        for metric in (m.COMMIT_LAG_SECONDS, m.FIRST_PARTIAL_SECONDS):
            meters.observe(metric, 1.0, src=f"l{number}")
        for metric in (m.TRANSLATION_LAG_SECONDS, m.TRANSLATION_DELAY_SECONDS):
            meters.observe(metric, 1.0, pair=f"l{number}-en")
        meters.count(m.COMMITTED_WORDS_TOTAL, src=f"l{number}")
        meters.count(m.ERRORS_TOTAL, code=f"c{number}")
        meters.count(m.CLOSES_TOTAL, code=str(number), by="client")
    assert sum(line[0] != "#" for line in meters.render().splitlines()) < 3_000


def test_wrong_labels_are_a_defect() -> None:
    with pytest.raises(ValueError, match="dragoman_errors_total has the labels"):
        PrometheusMeters().count(m.ERRORS_TOTAL)
    with pytest.raises(KeyError):
        PrometheusMeters().count(m.ERRORS_TOTAL, kind="x")


def test_nothing_is_counted_where_there_is_nothing() -> None:
    meters = PrometheusMeters()
    meters.count(m.REVISIONS_TOTAL, 0)
    assert meters.value("dragoman_revisions_total") == 0


def test_without_ray_figures_go_to_prometheus() -> None:
    assert isinstance(process_meters(), PrometheusMeters)
    assert process_meters() is process_meters()


def test_the_page_lists_every_metric_as_it_is() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `dragoman_")]
    assert rows == [
        f"| `{metric.name}` | {KINDS[type(metric)]} "
        f"| {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in m.CATALOGUE
    ]
    assert f"at most {MAX_LABEL_VALUES} values" in page

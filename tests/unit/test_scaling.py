"""Replicas follow the load: steps, ramps, flapping, rest, and starts from nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from ray.serve.autoscaling_policy import _apply_autoscaling_config
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from deployments.metering.recent import RecentBatches
from deployments.scaling import (
    StageLoad,
    StagePolicy,
    StageTargets,
    replicas_needed,
)

TARGETS = StageTargets(wait_s=0.25, backlog_s=2.0)
RUN_S = 0.2
BATCH = 4
START_S = 3.0
"""Of a new replica."""


def waits_s(sessions: float, replicas: int) -> float:
    """Mean wait for a batch, where each session asks again half a second after its answer."""
    capacity = replicas * BATCH / RUN_S
    wanted = sessions / (0.5 + RUN_S)
    if wanted <= capacity:
        return RUN_S / 2 * wanted / capacity
    return sessions / capacity - RUN_S - 0.5 + RUN_S / 2


def used(sessions: float, replicas: int) -> float:
    return min(1.0, sessions / (0.5 + RUN_S) / (replicas * BATCH / RUN_S))


@dataclass
class Stage:
    """A stage under Serve's autoscaler, second by second; reports are as old as it lets them be."""

    config: AutoscalingConfig
    target: int = 1

    def run(self, sessions: Iterable[float]) -> list[int]:
        """The target after each second."""
        policy = _apply_autoscaling_config(
            StagePolicy(wait_s=TARGETS.wait_s, backlog_s=TARGETS.backlog_s)
        )
        state: dict[str, Any] = {}
        ready_s = [-1.0] * self.target
        reports: list[tuple[float, float]] = []
        targets = []
        for second, count in enumerate(sessions):
            ready_s = (ready_s + [second + START_S] * self.target)[: self.target]
            running = sum(at <= second for at in ready_s)
            if running:
                reports.append((waits_s(count, running), used(count, running)))
            look_back = reports[-round(self.config.look_back_period_s) :] or [(0.0, 0.0)]
            wait_s, use = (sum(values) / len(look_back) for values in zip(*look_back, strict=True))
            load = StageLoad(running, wait_s=wait_s, used=use, requests=count)
            context = context_of(load, self.target, second, state, self.config)
            desired, state = policy(context)
            self.target = max(self.config.min_replicas, min(self.config.max_replicas, desired))
            targets.append(self.target)
        return targets


def context_of(
    load: StageLoad,
    target: int,
    now_s: float,
    state: dict[str, Any],
    config: AutoscalingConfig,
) -> AutoscalingContext:
    replicas: Any = [f"r{number}" for number in range(load.replicas)]
    metrics = {
        "wait_s": dict.fromkeys(replicas, load.wait_s),
        "backlog_s": dict.fromkeys(replicas, load.backlog_s),
        "used": dict.fromkeys(replicas, load.used),
    }
    identity: Any = "stage"
    return AutoscalingContext(
        deployment_id=identity,
        deployment_name="Asr",
        app_name="dragoman",
        current_num_replicas=load.replicas,
        target_num_replicas=target,
        running_replicas=replicas,
        total_num_requests=load.requests,
        total_queued_requests=0.0,
        aggregated_metrics=metrics,
        raw_metrics=None,
        capacity_adjusted_min_replicas=config.min_replicas,
        capacity_adjusted_max_replicas=config.max_replicas,
        policy_state=state,
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=now_s,
        config=config,
    )


@pytest.fixture(autouse=True)
def serve_reads_our_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve's delays are of wall time; here a call is a second."""
    seconds = iter(range(10_000))
    monkeypatch.setattr("ray.serve.autoscaling_policy.time.time", lambda: float(next(seconds)))


def config(**changes: int) -> AutoscalingConfig:
    values = {
        "min_replicas": 1,
        "max_replicas": 6,
        "look_back_period_s": 3.0,
        "metrics_interval_s": 1.0,
        "upscale_delay_s": 4.0,
        "downscale_delay_s": 30.0,
    }
    with pytest.warns(DeprecationWarning, match="metrics_interval_s"):
        return AutoscalingConfig(**{**values, **changes})


def changes(targets: Sequence[int]) -> list[int]:
    """The targets in order, without those that stay."""
    return [now for before, now in zip([0, *targets], targets, strict=False) if now != before]


def test_a_load_that_triples_is_followed_within_15_seconds() -> None:
    targets = Stage(config()).run([10] * 20 + [45] * 60)
    assert set(targets[:20]) == {1}
    needed = next(n for n in range(1, 7) if waits_s(45, n) <= TARGETS.wait_s)
    assert targets[20 + 15] >= needed
    assert targets[-1] <= needed + 1
    assert changes(targets) == sorted(changes(targets)), "up, and not down again"


def test_a_ramp_is_followed_step_by_step() -> None:
    targets = Stage(config()).run([10 + second for second in range(90)])
    assert changes(targets) == sorted(set(targets))
    assert targets[-1] >= 4


def test_a_load_that_flaps_is_held_at_its_peak() -> None:
    targets = Stage(config()).run(([40] * 10 + [5] * 10) * 12)
    assert len(changes(targets)) <= 4
    assert set(targets[120:]) == {max(targets)}


def test_rest_gives_replicas_back_one_by_one_down_to_the_least() -> None:
    targets = Stage(config(), target=4).run([0] * 150)
    assert changes(targets) == [4, 3, 2, 1]
    assert targets[29] == 4


def test_rest_goes_down_to_none_where_that_is_allowed() -> None:
    targets = Stage(config(min_replicas=0), target=2).run([0] * 100)
    assert targets[-1] == 0


def test_a_start_from_nothing_waits_for_no_delay() -> None:
    targets = Stage(config(min_replicas=0), target=0).run([0] * 5 + [8] * 30)
    assert targets[4] == 0
    assert targets[5] >= 1
    assert targets[-1] == 1


@pytest.mark.parametrize(
    ("load", "needed"),
    [
        (StageLoad(1, wait_s=0.1, requests=3), 1),
        (StageLoad(2, wait_s=0.26, requests=9), 3),
        (StageLoad(2, wait_s=5.0, requests=9), 4),
        (StageLoad(2, backlog_s=6.0, requests=9), 3),
        (StageLoad(3, wait_s=0.1, requests=9), 2),
        (StageLoad(3, wait_s=0.1, used=0.6, requests=9), 3),
        (StageLoad(3, wait_s=0.2, requests=9), 3),
        (StageLoad(1, requests=1), 1),
        (StageLoad(1), 0),
        (StageLoad(0), 0),
        (StageLoad(0, requests=1), 1),
    ],
)
def test_the_rule(load: StageLoad, needed: int) -> None:
    assert replicas_needed(load, TARGETS) == needed


def test_a_replica_reports_what_its_requests_wait_for() -> None:
    recent = RecentBatches(max_size=4)
    assert recent.load(0.0, backlog_s=0.0, oldest_s=0.0) == {
        "wait_s": 0.0,
        "backlog_s": 0.0,
        "used": 0.0,
    }
    recent.begun(10.0, [0.2, 0.4])
    recent.ran(0.9)
    recent.begun(11.0, [0.3, 0.3, 0.3, 0.3])
    load = recent.load(11.6, backlog_s=2.0, oldest_s=0.9)
    assert load["wait_s"] == pytest.approx((0.6 + 1.2 + 0.9) / 7)
    assert load["used"] == pytest.approx((0.9 / 2 + 0.6) / 3)
    assert load["backlog_s"] == 2.0
    recent.ran(0.6)
    assert recent.load(20.0, backlog_s=0.0, oldest_s=0.0)["wait_s"] == 0.0


def test_a_batch_that_never_ends_is_not_forgotten() -> None:
    recent = RecentBatches(max_size=1)
    recent.begun(0.0, [0.0])
    assert recent.load(60.0, backlog_s=0.0, oldest_s=0.0)["used"] == 1.0

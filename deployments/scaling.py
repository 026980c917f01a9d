"""How many replicas a stage needs: a pure rule, and the class through which Serve asks it.

In `serve_config.yaml`: `policy: {policy_function: "deployments.scaling:StagePolicy"}`. Serve's own
policy counts requests; but a stage answers requests together, and each session asks again only
when it has its answer, so their number says little. What a stage cannot keep up with shows in how
long requests wait for their batch, and in the audio that waits with them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil
from typing import Any

from ray.serve.config import AutoscalingContext

WAIT, BACKLOG, USED = "wait_s", "backlog_s", "used"
"""What replicas report in `record_autoscaling_stats`."""

MAX_GROWTH = 2.0
"""In one decision: how much was missing shows only when what was added is at work."""
CALM = 0.7
"""One replica less, if pressure and use would still be below this."""


@dataclass(frozen=True, slots=True)
class StageTargets:
    """What a replica of a stage may be asked to bear."""

    wait_s: float = 0.25
    """How long requests wait for their batch, on average."""
    backlog_s: float = 2.0
    """Audio that waits in front of one replica."""


@dataclass(frozen=True, slots=True)
class StageLoad:
    """How a stage fares now."""

    replicas: int
    """Those that answer."""
    wait_s: float = 0.0
    """Mean over them."""
    backlog_s: float = 0.0
    """Of all together."""
    used: float = 0.0
    """Mean over them: time that batches ran, each as far as it was full."""
    requests: float = 0.0
    """In work or waiting."""


def pressure(load: StageLoad, targets: StageTargets) -> float:
    """1.0 where the stage bears just what it may be asked to."""
    backlog_s = load.backlog_s / max(1, load.replicas)
    return max(load.wait_s / targets.wait_s, backlog_s / targets.backlog_s)


def replicas_needed(load: StageLoad, targets: StageTargets) -> int:
    """At once as many more as the pressure says, and one by one fewer; 0 where nobody asks.

    Serve keeps the result within `min_replicas` and `max_replicas`, and waits `upscale_delay_s` or
    `downscale_delay_s` whether it stays so.
    """
    if load.replicas == 0:
        return 1 if load.requests else 0
    now = pressure(load, targets)
    if now > 1.0:
        return ceil(load.replicas * min(now, MAX_GROWTH))
    if load.requests == 0 and now == 0.0:
        return load.replicas - 1
    if load.replicas > 1 and max(now, load.used) * load.replicas / (load.replicas - 1) < CALM:
        return load.replicas - 1
    return load.replicas


class StagePolicy:
    """Serve's view of the rule; `policy_kwargs` set the targets."""

    def __init__(self, **targets: float) -> None:
        self._targets = StageTargets(**targets)

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        """Called by Serve's controller some times a second."""
        return replicas_needed(load_of(context), self._targets), {}


def load_of(context: AutoscalingContext) -> StageLoad:
    """What the replicas reported of late, averaged by Serve over `look_back_period_s`."""
    reported = context.aggregated_metrics or {}
    return StageLoad(
        replicas=context.current_num_replicas,
        wait_s=_mean(reported.get(WAIT, {}).values()),
        backlog_s=sum(reported.get(BACKLOG, {}).values()),
        used=_mean(reported.get(USED, {}).values()),
        requests=context.total_num_requests,
    )


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values) if values else 0.0

"""What Serve gives the replicas of each deployment: a configuration file's, else the code's."""

from __future__ import annotations

from typing import Any

from ray.serve import Deployment
from ray.serve.schema import DeploymentSchema, ServeApplicationSchema

from deployments.asr import Asr
from deployments.hub_serving import Hub
from deployments.mt import Mt
from deployments.vad import Vad
from serve_app.ingress import Ingress
from serve_app.limits.shared import LimiterDeployment
from serve_app.plan.types import Options

DEPLOYMENTS: tuple[Deployment, ...] = (Ingress, Vad, Asr, Mt, Hub, LimiterDeployment)  # type: ignore[assignment] # mypy does not see what a class decorator returns
WITH_KEYS = LimiterDeployment.name  # type: ignore[attr-defined] # nor here
"""Starts only where there are keys."""

# Serve's: of `num_replicas: auto`, and of a replica that states no cores.
_AUTO = {"min_replicas": 1, "max_replicas": 100}
_DEFAULT_CPUS = 1.0


def options_of(application: ServeApplicationSchema, *, keys: bool) -> tuple[Options, ...]:
    """Replicas and resources of all deployments, in the order of the graph; `keys`: whether the
    server asks for any."""
    stated = {deployment.name: deployment for deployment in application.deployments}
    return tuple(
        _options(code, stated.get(code.name))
        for code in DEPLOYMENTS
        if keys or code.name != WITH_KEYS
    )


def _options(code: Deployment, stated: DeploymentSchema | None) -> Options:
    overrides = stated.model_dump(exclude_unset=True) if stated else {}
    # Serve does not merge: a file's ray_actor_options take the place of those in the code.
    resources = overrides.get("ray_actor_options") or code.ray_actor_options or {}
    cpus, gpus = resources.get("num_cpus"), resources.get("num_gpus")
    least, most = _replicas(code, overrides)
    return Options(
        code.name, least, most, _DEFAULT_CPUS if cpus is None else float(cpus), float(gpus or 0)
    )


def _replicas(code: Deployment, overrides: dict[str, Any]) -> tuple[int, int]:
    count = overrides.get("num_replicas")
    autoscaling = overrides.get("autoscaling_config")
    if count is None and autoscaling is None:
        in_code = code._deployment_config.autoscaling_config
        count, autoscaling = code.num_replicas, in_code.model_dump() if in_code else None
    if isinstance(count, int) and autoscaling is None:
        return count, count
    bounds = (_AUTO if count == "auto" else {"min_replicas": 1, "max_replicas": 1}) | (
        autoscaling or {}
    )
    return bounds["min_replicas"], bounds["max_replicas"]

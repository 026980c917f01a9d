"""A plan for an application as it is deployed: its files and its machines are looked at here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ray
from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE
from ray.serve.schema import ServeApplicationSchema

from deployments.models import local_manifest
from serve_app.config import AppConfig, with_environment
from serve_app.plan.check import check
from serve_app.plan.stages import pods_of, stages_of
from serve_app.plan.types import Options, Plan, Pods
from serve_app.replicas import options_of

CONTROLLER_TIMEOUT_S = 30.0


class PlanError(ValueError):
    """The replicas do not fit; the message has the arithmetic and what to change."""


def plan_application(application: ServeApplicationSchema, machine_cpus: float | None) -> Plan:
    """What an application needs of the pods that it describes.

    `machine_cpus` are a pod's where the configuration names none; None where this machine is none
    of the pods. Raises ModelCorruptError for a manifest that cannot be read.
    """
    config = _configuration(application)
    pods = pods_of(config.pods, machine_cpus)
    return _plan(config, options_of(application, keys=config.auth.enabled), pods)


def plan_machine(application: ServeApplicationSchema, resources: Mapping[str, float]) -> Plan:
    """Whether the fewest replicas fit on one machine with what Ray found there."""
    config = _configuration(application)
    pods = replace(
        pods_of(config.pods, None),
        count=1,
        cpus=resources.get("CPU", 0.0),
        gpus=int(resources.get("GPU", 0)),
    )
    options = options_of(application, keys=config.auth.enabled)
    fewest = [replace(one, max_replicas=one.min_replicas) for one in options]
    return _plan(config, fewest, pods)


def require_fit(plan: Plan) -> None:
    """Raise PlanError with all that does not fit."""
    if plan.problems:
        told = "\n".join(f"- {problem}" for problem in plan.problems)
        raise PlanError(f"The plan does not fit (`dragoman plan` shows it):\n{told}")


def deployed_applications(import_path: str) -> list[ServeApplicationSchema]:
    """What Serve was told to deploy from `import_path`; none where this is not its cluster.

    Serve hands a builder its arguments alone, without the replicas and resources in the same file.
    """
    if not ray.is_initialized():
        return []
    try:
        controller = ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE)
    except ValueError:
        return []
    # Serve has no public call for it.
    asked: Any = controller.get_app_configs.remote()
    applications: Any = ray.get(asked, timeout=CONTROLLER_TIMEOUT_S)
    return [one for one in applications.values() if one.import_path == import_path]


def usable_cpus() -> int:
    """Cores of this machine that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _configuration(application: ServeApplicationSchema) -> AppConfig:
    return with_environment(AppConfig.model_validate(application.args), os.environ)


def _plan(config: AppConfig, options: Sequence[Options], pods: Pods) -> Plan:
    manifests = {choice.name: local_manifest(choice.name) for choice in config.models}
    known = {name: manifest for name, manifest in manifests.items() if manifest is not None}
    return check(stages_of(config, options, pods, known), pods)

"""The meters of this process."""

from __future__ import annotations

from functools import cache

import ray
from ray import serve
from ray.serve.exceptions import RayServeException

from deployments.metering.meters import Meters
from deployments.metering.prometheus import PrometheusMeters
from deployments.metering.serve import ServeMeters


@cache
def process_meters() -> Meters:
    """Ray's in a replica, else Prometheus'; the same for all who ask in a process."""
    return ServeMeters() if _in_replica() else PrometheusMeters()


def _in_replica() -> bool:
    # Serve's local testing mode has replicas, and no Ray that their figures could go to.
    if not ray.is_initialized():
        return False
    try:
        serve.get_replica_context()
    except RayServeException:
        return False
    return True

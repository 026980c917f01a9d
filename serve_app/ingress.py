"""The Serve deployment that sessions live in: doors in front, stages behind."""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from deployments.ports import ServeAsr, ServeMt, ServeVad
from serve_app.api.health import probe
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.config import AppConfig
from serve_app.runner import Ports


@serve.deployment(
    name="Ingress",
    max_ongoing_requests=200,
    health_check_period_s=5,
    graceful_shutdown_timeout_s=60,
    ray_actor_options={"num_cpus": 0.2},
)
@serve.ingress()
class Ingress:
    """One replica: many sessions. Each holds a slot of `max_ongoing_requests` for its life."""

    async def __init__(  # type: ignore[misc] # Serve awaits it
        self,
        config: AppConfig,
        vad: DeploymentHandle[Any],
        asr: DeploymentHandle[Any],
        mt: DeploymentHandle[Any],
    ) -> None:
        ports = Ports(ServeVad(vad), ServeAsr(asr), ServeMt(mt))
        self._service = Service(config, ports, asr=await ports.asr.info(), mt=await ports.mt.info())
        # Each handle connects to its replicas on its first call; a session should not wait for it.
        await probe(self._service)

    def __serve_build_asgi_app__(self) -> Starlette:
        """Called by Serve after the constructor."""
        return build_doors(self._service)

"""The Serve deployment that sessions live in: doors in front, stages behind."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from deployments.background import outliving
from deployments.hub_serving import ServeHub
from deployments.logs import set_up_logs
from deployments.ports import ServeAsr, ServeMt, ServeVad
from serve_app.api.health import probe
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.audit import set_up_audit
from serve_app.auth.settings import OPEN_WARNING
from serve_app.config import AppConfig
from serve_app.decode import decoders
from serve_app.edge import CALLBACK, CALLBACK_VARIABLE, NOT_IN_FRONT
from serve_app.limits.ledger import Report
from serve_app.limits.limiter import LocalLimiter
from serve_app.limits.shared import ServeLimiter, SharedLimiter
from serve_app.replica import OwnReplica
from serve_app.runner import Ports

POLL_S = 0.2
"""How soon a replica notices that it is to stop."""
MARGIN_S = 2.0
"""Sessions are gone by so long before Serve kills the replica."""

logger = logging.getLogger("ray.serve")


@serve.deployment(
    name="Ingress",
    max_ongoing_requests=300,
    health_check_period_s=5,
    graceful_shutdown_wait_loop_s=0.5,
    graceful_shutdown_timeout_s=60,
    max_surge_percent=100,
    ray_actor_options={"num_cpus": 0.2},
)
@serve.ingress()
class Ingress:
    """One replica: many sessions. Each holds a slot of `max_ongoing_requests` for its life."""

    async def __init__(  # type: ignore[misc] # Serve awaits it
        self,
        config: AppConfig,
        *,
        vad: DeploymentHandle[Any],
        asr: DeploymentHandle[Any],
        mt: DeploymentHandle[Any],
        hub: DeploymentHandle[Any],
        limiter: DeploymentHandle[Any] | None = None,
    ) -> None:
        set_up_logs()
        set_up_audit()
        ports = Ports(ServeVad(vad), ServeAsr(asr), ServeMt(mt))
        if not config.auth.enabled:
            logger.warning(OPEN_WARNING)
        if config.profile == "production" and os.environ.get(CALLBACK_VARIABLE) != CALLBACK:
            logger.warning(NOT_IN_FRONT)
        shared = None if limiter is None else ServeLimiter(limiter)
        self._service = Service(
            config,
            ports,
            asr=await ports.asr.info(),
            mt=await ports.mt.info(),
            hub=ServeHub(hub),
            limiter=shared and SharedLimiter(shared, LocalLimiter(config.limits.client())),
        )
        # By its module: Ray takes what a deployment names along, and a lock cannot go.
        decoders.decoders.start()
        # Each handle connects to its replicas on its first call; a session should not wait for it.
        await probe(self._service)
        if shared is not None:
            await shared.report(Report())
        self._watch = outliving(self._leave_in_time())

    def __serve_build_asgi_app__(self) -> Starlette:
        """Called by Serve after the constructor."""
        return build_doors(self._service)

    async def drain(self, within_s: float) -> int:
        """Take no more sessions in, and see off those that are here; how many are left."""
        return await self._service.floor.drain(within_s)

    async def _leave_in_time(self) -> None:
        """Serve waits for the last session to end, and tells nobody: so see it, and end them."""
        replica = OwnReplica()
        while not replica.stopping:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(POLL_S)
        within_s = max(0.0, replica.grace_s - MARGIN_S)
        logger.info("draining: %d sessions, %g s", self._service.floor.count, within_s)
        left = await self.drain(within_s)
        logger.info("drained: %d sessions left", left)

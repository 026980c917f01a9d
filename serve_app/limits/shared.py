"""One ledger for all replicas of the ingress: a Serve deployment of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from deployments.calls import answered
from deployments.logs import set_up_logs
from serve_app.limits.ledger import Ask, ClientLimits, Refusal, Report
from serve_app.limits.limiter import Limiter, LocalLimiter

ANSWER_S = 1.0
"""A request does not wait longer for the ledger."""

RETRY_S = 5.0
"""While the ledger is down, it is asked once in this time."""

T = TypeVar("T")

logger = logging.getLogger("ray.serve")


@serve.deployment(
    name="Limiter",
    num_replicas=1,
    max_ongoing_requests=1_000,
    ray_actor_options={"num_cpus": 0},
)
class LimiterDeployment:
    """Keeps the ledger in memory: after a restart everybody's share is whole again."""

    def __init__(self, limits: ClientLimits) -> None:
        set_up_logs()
        self._limiter = LocalLimiter(limits)

    async def admit(self, ask: Ask) -> Refusal | None:
        """As Limiter."""
        return await self._limiter.admit(ask)

    async def report(self, report: Report) -> frozenset[str]:
        """As Limiter."""
        return await self._limiter.report(report)


class SharedLimiter:
    """Asks the shared ledger; while it does not answer, one of this replica's own.

    So nobody is turned away because the ledger is down, and each replica still holds every client
    to its share.
    """

    def __init__(
        self, shared: Limiter, own: Limiter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._own = own
        self._clock = clock
        self._down_until_s: float | None = None

    async def admit(self, ask: Ask) -> Refusal | None:
        """As Limiter."""
        return await self._ask(lambda limiter: limiter.admit(ask))

    async def report(self, report: Report) -> frozenset[str]:
        """As Limiter."""
        return await self._ask(lambda limiter: limiter.report(report))

    async def _ask(self, question: Callable[[Limiter], Awaitable[T]]) -> T:
        if self._down_until_s is not None and self._clock() < self._down_until_s:
            return await question(self._own)
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await question(self._shared)
        except (TimeoutError, RayError, RayServeException) as error:
            self._note_down(error)
            return await question(self._own)
        if self._down_until_s is not None:
            logger.info("the shared ledger of clients' limits answers again")
            self._down_until_s = None
        return answer

    def _note_down(self, error: Exception) -> None:
        if self._down_until_s is None:
            logger.warning(
                "the shared ledger of clients' limits does not answer (%s): until it does, every "
                "replica counts for itself",
                type(error).__name__,
            )
        self._down_until_s = self._clock() + RETRY_S


class ServeLimiter:
    """The deployment, as seen from an ingress."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def admit(self, ask: Ask) -> Refusal | None:
        """Raises RayError, RayServeException."""
        refusal: Refusal | None = await answered(self._handle.admit.remote(ask))
        return refusal

    async def report(self, report: Report) -> frozenset[str]:
        """Raises RayError, RayServeException."""
        exhausted: frozenset[str] = await answered(self._handle.report.remote(report))
        return exhausted

"""`/health/live` and `/health/ready`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.background import outliving
from deployments.types import VAD_FRAME_SAMPLES, VadRequest, VadState
from serve_app.api.service import Service

PROBE_TIMEOUT_S = 2.0
SHARED_S = 1.0
"""Whoever asks within this time of an answer gets the same one."""


class Readiness:
    """Asks the stages for all who want to know: the door is open to everybody, and a call to each
    stage is what an attacker would like to have for the price of a request."""

    def __init__(self, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._clock = clock
        self._asking: asyncio.Task[dict[str, str]] | None = None
        self._answered_s = 0.0

    async def stages(self) -> dict[str, str]:
        """Each stage with `ready` or the reason why not, at most SHARED_S old."""
        asking = self._asking
        if asking is None or (asking.done() and self._clock() - self._answered_s >= SHARED_S):
            asking = self._asking = outliving(self._ask())
        return await asyncio.shield(asking)

    async def _ask(self) -> dict[str, str]:
        stages = await probe(self._service)
        self._answered_s = self._clock()
        return stages


async def live(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> Response:
    """Every stage has a replica that answers; 503 with the reason of each that has none."""
    service: Service = request.app.state.service
    if service.floor.draining:
        return JSONResponse({"status": "draining", "stages": {}}, status_code=503)
    readiness: Readiness = request.app.state.readiness
    stages = await readiness.stages()
    ok = all(reason == "ready" for reason in stages.values())
    return JSONResponse(
        {"status": "ready" if ok else "not_ready", "stages": stages}, status_code=200 if ok else 503
    )


async def probe(service: Service) -> dict[str, str]:
    """Each stage with `ready` or the reason why not."""
    silence = np.zeros(VAD_FRAME_SAMPLES, dtype=np.float32)
    calls = {
        "vad": service.ports.vad.detect(VadRequest(VadState.initial(), silence)),
        "asr": service.ports.asr.info(),
        "mt": service.ports.mt.info(),
    }
    answers = await asyncio.gather(
        *(asyncio.wait_for(call, PROBE_TIMEOUT_S) for call in calls.values()),
        return_exceptions=True,
    )
    reasons = {
        stage: _reason(answer) if isinstance(answer, BaseException) else "ready"
        for stage, answer in zip(calls, answers, strict=True)
    }
    # A replica that answers may have an engine that does not.
    away = {stage.value for stage, circuit in service.circuits.items() if circuit.is_away}
    return {
        stage: "sessions get no answer" if stage in away and reason == "ready" else reason
        for stage, reason in reasons.items()
    }


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {PROBE_TIMEOUT_S:g} s"
    return str(error) or type(error).__name__

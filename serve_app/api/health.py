"""`/health/live` and `/health/ready`."""

from __future__ import annotations

import asyncio

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.types import VAD_FRAME_SAMPLES, VadRequest, VadState
from serve_app.api.service import Service

PROBE_TIMEOUT_S = 2.0


async def live(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> Response:
    """Every stage has a replica that answers; 503 with the reason of each that has none."""
    service: Service = request.app.state.service
    if service.floor.draining:
        return JSONResponse({"status": "draining", "stages": {}}, status_code=503)
    stages = await probe(service)
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
    return {
        stage: _reason(answer) if isinstance(answer, BaseException) else "ready"
        for stage, answer in zip(calls, answers, strict=True)
    }


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {PROBE_TIMEOUT_S:g} s"
    return str(error) or type(error).__name__

"""The doors on a socket, in front of oracles in the same process: a server without Ray.

What a stream costs here is the cost of the protocol and of its session, and of nothing else.
"""

from __future__ import annotations

import sys

import uvicorn

from deployments.asr import load_engine as load_asr
from deployments.mt import load_batch_engine as load_mt
from deployments.types import (
    AsrRequest,
    Draft,
    Hypothesis,
    MtRequest,
    StageInfo,
    VadAnswer,
    VadRequest,
)
from deployments.vad import load_engine as load_vad
from serve_app.api.routes import build_doors
from serve_app.api.service import Service
from serve_app.config import AppConfig, with_resume_key
from serve_app.runner import Ports

ORACLES = {stage: {"engine": "oracle"} for stage in ("vad", "asr", "mt")}


class DirectPorts:
    """All three ports; oracles without delays answer at once."""

    def __init__(self, config: AppConfig) -> None:
        self._vad = load_vad(config.vad)
        self._asr = load_asr(config.asr)
        self._mt = load_mt(config.mt)

    async def detect(self, request: VadRequest) -> VadAnswer:
        """See VadPort."""
        return self._vad.detect([request])[0]

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        """See AsrPort."""
        return self._asr.transcribe([request])[0]

    async def translate(self, request: MtRequest) -> Draft:
        """See MtPort."""
        return self._mt.translate([request])[0]

    async def info(self) -> StageInfo:
        """See AsrPort and MtPort."""
        return self._mt.info


def main(port: int) -> None:
    """Serve until the process is ended."""
    admission = {"ramp_sessions": 1_000}
    config = with_resume_key(AppConfig.model_validate({**ORACLES, "admission": admission}))
    ports = DirectPorts(config)
    any_language = StageInfo("oracle", "1", (), takes_open=True)
    service = Service(config, Ports(ports, ports, ports), any_language, any_language)
    uvicorn.run(build_doors(service), port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main(int(sys.argv[1]))

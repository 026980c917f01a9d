"""The real engines behind doors in this process, without Ray."""

from __future__ import annotations

from benchmarks.inprocess import Engines
from deployments import asr, vad
from deployments.batching import Batcher
from deployments.mt_adapters import BatchedMt
from deployments.settings import StageSettings
from deployments.types import (
    AsrRequest,
    Draft,
    Hypothesis,
    MtRequest,
    StageInfo,
    VadAnswer,
    VadRequest,
)
from serve_app.api.service import Service
from serve_app.config import AppConfig, with_resume_key
from serve_app.runner import Ports


class BatchedEngines:
    """All three ports on the real engines, batched as the deployments do it."""

    def __init__(self, engines: Engines) -> None:
        settings = StageSettings()
        self._engines = engines
        self._vad = Batcher(engines.vad.detect, settings, vad.known_good())
        self._asr = Batcher(engines.asr.transcribe, settings, asr.known_good(engines.asr.info))
        self._mt = BatchedMt(engines.mt, settings)

    async def detect(self, request: VadRequest) -> VadAnswer:
        return await self._vad.ask(request)

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        return await self._asr.ask(request)

    async def translate(self, request: MtRequest) -> Draft:
        return await self._mt.translate(request)

    async def info(self) -> StageInfo:
        return self._engines.asr.info


def bundled_service() -> Service:
    """The bundled models, for the loop that calls this."""
    engines = Engines()
    port = BatchedEngines(engines)
    config = with_resume_key(AppConfig())
    return Service(config, Ports(port, port, port), engines.asr.info, engines.mt.info)

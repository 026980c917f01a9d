"""The ASR stage: hypotheses for windows of many sessions."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Sequence
from operator import attrgetter
from typing import Annotated, Literal, Protocol, Self

import numpy as np
from pydantic import Field, model_validator
from ray import serve

from deployments.batching import MAX_ONGOING_REQUESTS, Batcher
from deployments.engines.oracle_settings import OracleAsrSettings
from deployments.logs import set_up_logs
from deployments.memory import ModelMemory
from deployments.metering import process_meters
from deployments.metering.stage import StageMeter
from deployments.models import ModelChoice, resolve
from deployments.settings import (
    ComputeType,
    Device,
    StageSettings,
    require_device,
    require_explicit,
)
from deployments.types import (
    SAMPLE_RATE_HZ,
    AsrRequest,
    EngineLostError,
    Hypothesis,
    StageInfo,
)

logger = logging.getLogger("ray.serve")

MAX_WAITED_S = 2.0
"""A file comes faster than speech, and what of it is unheard has not waited as long as it lasts."""


class AsrSettings(StageSettings):
    """Which engine and model recognise speech, and how."""

    engine: Literal["whisper", "oracle"] = "whisper"
    """What recognises speech."""
    model: str = "dragoman-asr"
    """A bundled name, a directory, a Whisper size (small, large-v3) or a hub id (org/name)."""
    device: Device = "cpu"
    """Where the model runs; there is no falling back."""
    compute_type: ComputeType = "default"
    """CTranslate2's number format; `default` is the one the model is stored in, on a GPU it is
    said outright."""
    memory: ModelMemory | None = None
    """What the model needs of a GPU, where neither its manifest nor Dragoman knows."""
    beam_size: Annotated[int, Field(ge=1, le=16)] = 5
    """Of the last decode of an utterance."""
    partial_beam_size: Annotated[int, Field(ge=1, le=16)] = 1
    """Of the decodes before it; 1 is greedy."""
    oracle: OracleAsrSettings = OracleAsrSettings()
    """Of the oracle engine alone, as all above it is of the others."""

    @model_validator(mode="after")
    def _number_format_is_explicit(self) -> Self:
        if self.engine == "whisper":
            require_explicit(self.device, self.compute_type, "asr")
        return self


class AsrEngine(Protocol):
    """Stateless speech recognition."""

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        ...

    def check(self, request: AsrRequest) -> None:
        """Raise EngineError for a request that cannot be answered."""
        ...

    def shape(self, request: AsrRequest) -> Hashable:
        """Equal for requests that cost less together than apart."""
        ...

    def transcribe(self, batch: Sequence[AsrRequest]) -> list[Hypothesis]:
        """One hypothesis for each checked request."""
        ...

    def warm(self) -> None:
        """Make the first request as fast as the tenth."""
        ...


def load_engine(settings: AsrSettings) -> AsrEngine:
    """The engine that the settings name; raises ModelError, or RuntimeError for the device."""
    match settings.engine:
        case "whisper":
            return _load_whisper(settings)
        case "oracle":
            return _load_oracle(settings)


# Only a replica of this stage needs its engine's libraries.


def _load_whisper(settings: AsrSettings) -> AsrEngine:
    from deployments.engines.whisper import WhisperAsr  # noqa: PLC0415

    require_device(settings.device, settings.compute_type, "asr")
    return WhisperAsr(
        resolve(ModelChoice(settings.model, "asr")),
        device=settings.device,
        compute_type=settings.compute_type,
        threads=settings.threads,
        beam_size=settings.beam_size,
        partial_beam_size=settings.partial_beam_size,
    )


def _load_oracle(settings: AsrSettings) -> AsrEngine:
    from deployments.engines.oracle import OracleAsr  # noqa: PLC0415

    return OracleAsr(settings.oracle)


def waited_s(request: AsrRequest) -> float:
    """How long the oldest audio that nobody has heard yet had waited when it was asked about."""
    return min(request.unheard_samples / SAMPLE_RATE_HZ, MAX_WAITED_S)


def audio_s(request: AsrRequest) -> float:
    """How much audio a request has."""
    return len(request.samples) / SAMPLE_RATE_HZ


def known_good(served: StageInfo) -> AsrRequest:
    """A second of silence, in a language that the model knows."""
    language = next(iter(served.languages), "en")
    return AsrRequest(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32), language)


@serve.deployment(
    name="Asr",
    max_ongoing_requests=MAX_ONGOING_REQUESTS,
    max_constructor_retry_count=1,
    health_check_period_s=5,
    health_check_timeout_s=60,
    graceful_shutdown_wait_loop_s=0.5,
    graceful_shutdown_timeout_s=60,
    ray_actor_options={"num_cpus": 0.5},
)
class Asr:
    """One replica: a loaded model, warm before it counts as ready."""

    def __init__(self, settings: AsrSettings) -> None:
        set_up_logs()
        self._engine = load_engine(settings)
        self._engine.warm()
        meter = StageMeter("asr", process_meters())
        meter.loaded(self._engine.info)
        self._batcher = Batcher(
            self._engine.transcribe,
            settings,
            known_good(self._engine.info),
            shape=self._engine.shape,
            waited_s=waited_s,
            audio_s=audio_s,
            terms=attrgetter("terms"),
            meter=meter,
        )

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        """See AsrPort."""
        self._engine.check(request)
        try:
            return await self._batcher.ask(request)
        except EngineLostError:
            # Health checks would take a quarter of a minute to notice. So the requests here go to
            # another replica at once, and Serve starts a new one.
            logger.exception("the GPU has failed, and this replica with it")
            os._exit(1)

    async def info(self) -> StageInfo:
        """See AsrPort."""
        return self._engine.info

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: what StagePolicy decides by."""
        return self._batcher.load()

    def check_health(self) -> None:
        """Called by Serve; raising makes it replace this replica."""
        self._batcher.check_health()

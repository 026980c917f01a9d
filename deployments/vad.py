"""The VAD stage: speech probabilities for frames of many streams."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import Field
from ray import serve

from deployments.batching import MAX_ONGOING_REQUESTS, Batcher
from deployments.engines.oracle_settings import OracleSettings
from deployments.logs import set_up_logs
from deployments.metering import process_meters
from deployments.metering.stage import StageMeter
from deployments.settings import StageSettings
from deployments.types import (
    SAMPLE_RATE_HZ,
    VAD_FRAME_SAMPLES,
    VadAnswer,
    VadRequest,
    VadState,
)


class VadSettings(StageSettings):
    """Which engine detects speech, and how."""

    engine: Literal["silero", "oracle"] = "silero"
    """What detects speech."""
    max_batch_size: Annotated[int, Field(ge=1, le=512)] = 64
    batch_wait_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.002
    oracle: OracleSettings = OracleSettings()
    """Of the oracle engine alone."""


class VadEngine(Protocol):
    """Stateless speech detection."""

    def check(self, request: VadRequest) -> None:
        """Raise EngineError for a request that cannot be answered."""
        ...

    def detect(self, batch: Sequence[VadRequest]) -> list[VadAnswer]:
        """One answer for each checked request."""
        ...

    def warm(self) -> None:
        """Make the first request as fast as the tenth."""
        ...


def load_engine(settings: VadSettings) -> VadEngine:
    """The engine that the settings name."""
    match settings.engine:
        case "silero":
            return _load_silero(settings)
        case "oracle":
            return _load_oracle(settings)


# Only a replica of this stage needs its engine's libraries.


def _load_silero(settings: VadSettings) -> VadEngine:
    from deployments.engines.silero import SileroVad  # noqa: PLC0415

    return SileroVad(threads=settings.threads)


def _load_oracle(settings: VadSettings) -> VadEngine:
    from deployments.engines.oracle import OracleVad  # noqa: PLC0415

    return OracleVad(settings.oracle)


def audio_s(request: VadRequest) -> float:
    """How much audio a request has."""
    return len(request.samples) / SAMPLE_RATE_HZ


def known_good() -> VadRequest:
    """A frame of silence."""
    return VadRequest(VadState.initial(), np.zeros(VAD_FRAME_SAMPLES, dtype=np.float32))


@serve.deployment(
    name="Vad",
    max_ongoing_requests=MAX_ONGOING_REQUESTS,
    max_constructor_retry_count=1,
    health_check_period_s=5,
    health_check_timeout_s=30,
    graceful_shutdown_wait_loop_s=0.5,
    graceful_shutdown_timeout_s=30,
    ray_actor_options={"num_cpus": 0.2},
)
class Vad:
    """One replica: an engine, warm before it counts as ready."""

    def __init__(self, settings: VadSettings) -> None:
        set_up_logs()
        self._engine = load_engine(settings)
        self._engine.warm()
        meter = StageMeter("vad", process_meters())
        self._batcher = Batcher(
            self._engine.detect,
            settings,
            known_good(),
            audio_s=audio_s,
            terms=attrgetter("terms"),
            meter=meter,
        )

    async def detect(self, request: VadRequest) -> VadAnswer:
        """See VadPort."""
        self._engine.check(request)
        return await self._batcher.ask(request)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: what StagePolicy decides by."""
        return self._batcher.load()

    def check_health(self) -> None:
        """Called by Serve; raising makes it replace this replica."""
        self._batcher.check_health()

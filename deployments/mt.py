"""The MT stage: drafts of translations for segments of many sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from pydantic import Field
from ray import serve

from deployments.batching import MAX_ONGOING_REQUESTS, Batcher
from deployments.engines.oracle_settings import OracleMtSettings
from deployments.metering import process_meters
from deployments.metering.stage import StageMeter
from deployments.models import ModelChoice, resolve
from deployments.settings import ComputeType, Device, StageSettings, require_device
from deployments.types import Draft, MtRequest, StageInfo


class MtSettings(StageSettings):
    """Which engine and model translate, and how."""

    engine: Literal["ctranslate2", "oracle"] = "ctranslate2"
    model: str = "dragoman-mt"
    """A bundled name, a directory or a hub id (org/name)."""
    device: Device = "cpu"
    compute_type: ComputeType = "default"
    max_source_tokens: Annotated[int, Field(ge=16, le=4_096)] = 300
    """Longest segment that is translated as one piece."""
    oracle: OracleMtSettings = OracleMtSettings()
    """Of the oracle engine alone, as all above it is of the others."""


class MtEngine(Protocol):
    """Stateless translation."""

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        ...

    def check(self, request: MtRequest) -> None:
        """Raise EngineError for a request that cannot be answered."""
        ...

    def translate(self, batch: Sequence[MtRequest]) -> list[Draft]:
        """One draft for each checked request."""
        ...

    def warm(self) -> None:
        """Make the first request as fast as the tenth."""
        ...


def load_engine(settings: MtSettings) -> MtEngine:
    """The engine that the settings name; raises ModelError, or RuntimeError for the device."""
    match settings.engine:
        case "ctranslate2":
            return _load_ctranslate2(settings)
        case "oracle":
            return _load_oracle(settings)


# Only a replica of this stage needs its engine's libraries.


def _load_ctranslate2(settings: MtSettings) -> MtEngine:
    from deployments.engines.ctranslate2_mt import CTranslate2Mt  # noqa: PLC0415

    require_device(settings.device, "mt.device")
    return CTranslate2Mt(
        resolve(ModelChoice(settings.model, "mt")),
        device=settings.device,
        compute_type=settings.compute_type,
        threads=settings.threads,
        max_source_tokens=settings.max_source_tokens,
    )


def _load_oracle(settings: MtSettings) -> MtEngine:
    from deployments.engines.oracle import OracleMt  # noqa: PLC0415

    return OracleMt(settings.oracle)


def known_good(served: StageInfo) -> MtRequest:
    """A word, between languages that the model knows."""
    source, target = (*served.languages, "en", "de")[:2]
    return MtRequest("Hello.", source, target)


@serve.deployment(
    name="Mt",
    max_ongoing_requests=MAX_ONGOING_REQUESTS,
    max_constructor_retry_count=1,
    health_check_period_s=5,
    health_check_timeout_s=60,
    graceful_shutdown_wait_loop_s=0.5,
    graceful_shutdown_timeout_s=60,
    ray_actor_options={"num_cpus": 0.3},
)
class Mt:
    """One replica: a loaded model, warm before it counts as ready."""

    def __init__(self, settings: MtSettings) -> None:
        self._engine = load_engine(settings)
        self._engine.warm()
        meter = StageMeter("mt", process_meters())
        meter.loaded(self._engine.info)
        good = known_good(self._engine.info)
        self._batcher = Batcher(self._engine.translate, settings, good, meter=meter)

    async def translate(self, request: MtRequest) -> Draft:
        """See MtPort."""
        self._engine.check(request)
        return await self._batcher.ask(request)

    async def info(self) -> StageInfo:
        """See MtPort."""
        return self._engine.info

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: what StagePolicy decides by."""
        return self._batcher.load()

    def check_health(self) -> None:
        """Called by Serve; raising makes it replace this replica."""
        self._batcher.check_health()

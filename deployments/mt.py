"""The MT stage: drafts of translations for segments of many sessions."""

from __future__ import annotations

import logging
import os
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.batching import MAX_ONGOING_REQUESTS
from deployments.engines.openai_settings import OpenAiMtSettings
from deployments.engines.oracle_settings import OracleMtSettings
from deployments.engines.serve_llm_settings import ServeLlmSettings
from deployments.engines.vllm_settings import VllmSettings
from deployments.logs import set_up_logs
from deployments.memory import ModelMemory
from deployments.metering import process_meters
from deployments.metering.stage import StageMeter
from deployments.models import ModelChoice, resolve
from deployments.mt_adapters import BatchedMt, BatchMtEngine, MeteredMt, MtEngine, Translator
from deployments.settings import (
    ComputeType,
    Device,
    StageSettings,
    require_device,
    require_explicit,
)
from deployments.types import Draft, EngineLostError, MtRequest, StageInfo

logger = logging.getLogger("ray.serve")


class MtSettings(StageSettings):
    """Which engine and model translate, and how."""

    engine: Literal["ctranslate2", "vllm", "openai", "serve_llm", "oracle"] = "ctranslate2"
    """What translates; see docs/mt.md."""
    model: str = "dragoman-mt"
    """A bundled name, a directory or a hub id (org/name); of `openai`, the server's own name."""
    device: Device = "cpu"
    """Where CTranslate2 or vLLM runs the model; there is no falling back."""
    compute_type: ComputeType = "default"
    """CTranslate2's number format; `default` is the one the model is stored in, on a GPU it is
    said outright. vLLM has `vllm.dtype`."""
    memory: ModelMemory | None = None
    """What the model needs of a GPU, where neither its manifest nor Dragoman knows."""
    max_source_tokens: Annotated[int, Field(ge=16, le=4_096)] = 300
    """Longest segment that is translated as one piece."""
    vllm: VllmSettings = VllmSettings()
    """Of the vLLM engine alone."""
    openai: OpenAiMtSettings = OpenAiMtSettings()
    """Of the `openai` engine alone."""
    serve_llm: ServeLlmSettings = ServeLlmSettings()
    """Of the `serve_llm` engine alone."""
    oracle: OracleMtSettings = OracleMtSettings()
    """Of the oracle engine alone, as all above it is of the others."""

    @model_validator(mode="after")
    def _number_format_is_explicit(self) -> Self:
        if self.engine == "ctranslate2":
            require_explicit(self.device, self.compute_type, "mt")
        return self

    @property
    def model_choice(self) -> ModelChoice | None:
        """The model that a replica will load; None where it loads none."""
        match self.engine:
            case "ctranslate2":
                return ModelChoice(self.model, "mt")
            case "vllm" | "serve_llm":
                return ModelChoice(self.model, "mt", "transformers")
            case "openai" | "oracle":
                return None


def load_engine(settings: MtSettings, meter: StageMeter) -> Translator:
    """The engine that the settings name; raises ModelError, or RuntimeError for the device."""
    match settings.engine:
        case "ctranslate2" | "oracle":
            return BatchedMt(load_batch_engine(settings), settings, meter)
        case "vllm":
            return MeteredMt(_load_vllm(settings), meter, settings.vllm.max_num_seqs)
        case "openai":
            return MeteredMt(_load_openai(settings), meter, settings.openai.max_requests)
        case "serve_llm":
            return MeteredMt(_load_serve_llm(settings), meter, settings.serve_llm.max_requests)


def load_batch_engine(settings: MtSettings) -> BatchMtEngine:
    """The same before it is made to answer sessions one by one; ValueError for an engine that
    makes up batches by itself."""
    match settings.engine:
        case "ctranslate2":
            return _load_ctranslate2(settings)
        case "oracle":
            return _load_oracle(settings)
        case name:
            raise ValueError(f"mt.engine={name!r} does not take batches; use ctranslate2 or oracle")


# Only a replica of this stage needs its engine's libraries.


def _load_ctranslate2(settings: MtSettings) -> BatchMtEngine:
    from deployments.engines.ctranslate2_mt import CTranslate2Mt  # noqa: PLC0415

    require_device(settings.device, settings.compute_type, "mt")
    return CTranslate2Mt(
        resolve(ModelChoice(settings.model, "mt")),
        device=settings.device,
        compute_type=settings.compute_type,
        threads=settings.threads,
        max_source_tokens=settings.max_source_tokens,
    )


def _load_vllm(settings: MtSettings) -> MtEngine:
    from deployments.engines.vllm_mt import VllmMt  # noqa: PLC0415

    return VllmMt(
        resolve(ModelChoice(settings.model, "mt", "transformers")),
        settings.vllm,
        device=settings.device,
        threads=settings.threads,
        max_source_tokens=settings.max_source_tokens,
    )


def _load_openai(settings: MtSettings) -> MtEngine:
    from deployments.engines.openai_mt import OpenAiMt  # noqa: PLC0415

    return OpenAiMt(settings.model, settings.openai, max_source_tokens=settings.max_source_tokens)


def _load_serve_llm(settings: MtSettings) -> MtEngine:
    from deployments.engines.serve_llm_mt import ServeLlmMt  # noqa: PLC0415

    return ServeLlmMt(
        resolve(ModelChoice(settings.model, "mt", "transformers")),
        settings.serve_llm,
        max_source_tokens=settings.max_source_tokens,
    )


def _load_oracle(settings: MtSettings) -> BatchMtEngine:
    from deployments.engines.oracle import OracleMt  # noqa: PLC0415

    return OracleMt(settings.oracle)


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

    # Serve awaits it, on the event loop that the engine will be used on.
    async def __init__(  # type: ignore[misc]
        self, settings: MtSettings, after: DeploymentHandle[Any] | None = None
    ) -> None:
        """`after` is a stage that has to be ready before this one loads its model."""
        set_up_logs()
        if after is not None:
            await after.info.remote()
        meter = StageMeter("mt", process_meters())
        self._engine = load_engine(settings, meter)
        await self._engine.warm()
        meter.loaded(self._engine.info)

    async def translate(self, request: MtRequest) -> Draft:
        """See MtPort."""
        self._engine.check(request)
        try:
            return await self._engine.translate(request)
        except EngineLostError:
            # Health checks would take a quarter of a minute to notice. So the requests here go to
            # another replica at once, and Serve starts a new one.
            logger.exception("the translation engine is gone, and this replica with it")
            os._exit(1)

    async def info(self) -> StageInfo:
        """See MtPort."""
        return self._engine.info

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: what StagePolicy decides by."""
        return self._engine.load()

    async def check_health(self) -> None:
        """Called by Serve; raising makes it replace this replica."""
        await self._engine.check_health()

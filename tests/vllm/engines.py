"""vLLM engines for tests: the bundled model, small enough to share two cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.engines.vllm_settings import VllmSettings
from deployments.models import ModelChoice, resolve

if TYPE_CHECKING:
    from deployments.engines.vllm_mt import VllmMt

BUNDLED = ModelChoice("dragoman-mt", "mt", "transformers")
SMALL: dict[str, object] = {"kv_cache_bytes": 128 << 20, "enforce_eager": True}


def vllm_engine(choice: ModelChoice = BUNDLED, **settings: object) -> VllmMt:
    from deployments.engines.vllm_mt import VllmMt  # noqa: PLC0415

    return VllmMt(resolve(choice), VllmSettings.model_validate({**SMALL, **settings}))

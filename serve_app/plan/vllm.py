"""What vLLM holds: a share of each GPU that it takes as a whole at the start.

It looks for that share in what is free when it starts, so what else lies on the GPU has to be there
before: recognition loads first, or the share is not there when it loads later.
"""

from __future__ import annotations

from deployments.gpus import GIB
from deployments.known_models import language_model_size
from deployments.memory import weight_bytes
from deployments.models import ModelManifest
from deployments.mt import MtSettings
from deployments.settings import ComputeType
from serve_app.plan.types import CONTEXT_BYTES, Options, Part, Pods, Stage

WORKSPACE_BYTES = 2 * GIB
"""What vLLM wants beside weights and KV cache: activations of its trial run and CUDA graphs."""
_ONE_BYTE_WEIGHTS = ("fp8", "bitsandbytes", "experts_int8")


def vllm_stage(
    settings: MtSettings, options: Options, pods: Pods, manifest: ModelManifest | None
) -> Stage:
    """The stage with its share of each GPU, and what must find room in it."""
    vllm, on_gpu = settings.vllm, settings.device == "cuda"
    needs = _needs(settings, manifest) if on_gpu else ()
    share = Part(
        f"gpu_memory_utilization {vllm.gpu_memory_utilization:g}",
        int(vllm.gpu_memory_utilization * pods.gpu_memory_bytes),
    )
    return Stage(
        options,
        section="mt",
        model=settings.model,
        device=settings.device,
        compute_type=_number_format(settings),
        parts=(share, Part("CUDA context", CONTEXT_BYTES)) if needs else (),
        reserved=needs,
        tensor_parallel=vllm.tensor_parallel_size,
    )


def _number_format(settings: MtSettings) -> ComputeType:
    """`auto` keeps what a model is stored in, which is bfloat16 for those that are known here."""
    return "bfloat16" if settings.vllm.dtype == "auto" else settings.vllm.dtype


def _needs(settings: MtSettings, manifest: ModelManifest | None) -> tuple[Part, ...]:
    """The least that vLLM starts with: weights, workspace, and the KV cache of one request."""
    vllm, number_format = settings.vllm, _number_format(settings)
    size = language_model_size(settings.model)
    memory = settings.memory or (manifest.memory.get(number_format) if manifest else None)
    if memory is not None:
        weights, cache = memory.weights_bytes, memory.stream_bytes
    elif size is not None:
        quantized = vllm.quantization in _ONE_BYTE_WEIGHTS
        weights = size.parameters * (1 if quantized else weight_bytes(number_format))
        cache = size.kv_bytes_per_token() * vllm.max_model_len
    else:
        return ()
    wide = vllm.tensor_parallel_size
    return (
        Part("weights", weights // wide),
        Part("workspace", WORKSPACE_BYTES),
        Part(f"cache of {vllm.max_model_len} tokens", (vllm.kv_cache_bytes or cache) // wide),
    )

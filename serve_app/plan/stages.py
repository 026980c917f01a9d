"""From the configuration to what each replica holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployments.asr import AsrSettings
from deployments.gpus import GPUS, slice_bytes
from deployments.known_models import language_model_size, whisper_size
from deployments.memory import ModelMemory
from deployments.models import ModelManifest
from deployments.mt import MtSettings
from serve_app.config import ORACLE, AppConfig
from serve_app.plan.types import CONTEXT_BYTES, Options, Part, Pods, Stage
from serve_app.plan.vllm import vllm_stage
from serve_app.pods import PodSettings

ALLOCATOR_SHARE = 0.1
"""What CTranslate2's caching allocator holds beyond what is in use."""


def pods_of(settings: PodSettings, machine_cpus: float | None) -> Pods:
    """The pods that the settings describe; cores that they do not state are the machine's, if it is
    one of them."""
    gpu = GPUS[settings.gpu] if settings.gpu else None
    memory_bytes = gpu.memory_bytes if gpu else settings.gpu_memory_bytes or 0
    return Pods(
        count=settings.count,
        cpus=settings.cpus or machine_cpus,
        gpus=settings.gpus,
        gpu_name=settings.gpu or "GPU",
        gpu_memory_bytes=slice_bytes(settings.mig) if settings.mig else memory_bytes,
        capability=gpu.capability if gpu else None,
        mig=settings.mig,
    )


def stages_of(
    config: AppConfig,
    options: Sequence[Options],
    pods: Pods,
    manifests: Mapping[str, ModelManifest],
) -> tuple[Stage, ...]:
    """Each deployment with what one replica of it holds; `manifests` are those of the models that
    have one, by the name in the settings."""
    return tuple(_stage(config, one, pods, manifests) for one in options)


def _stage(
    config: AppConfig, options: Options, pods: Pods, manifests: Mapping[str, ModelManifest]
) -> Stage:
    match options.name:
        case "Asr" if config.asr.engine != ORACLE:
            return _ctranslate2(
                "asr", config.asr, options, _asr_memory(config.asr, manifests.get(config.asr.model))
            )
        case "Mt" if config.mt.engine == "vllm":
            return vllm_stage(config.mt, options, pods, manifests.get(config.mt.model))
        case "Mt" if config.mt.engine == "ctranslate2":
            return _ctranslate2(
                "mt", config.mt, options, _mt_memory(config.mt, manifests.get(config.mt.model))
            )
        case _:
            return Stage(options)


def _ctranslate2(
    section: str, settings: AsrSettings | MtSettings, options: Options, memory: ModelMemory | None
) -> Stage:
    on_gpu = settings.device == "cuda"
    return Stage(
        options,
        section=section,
        model=settings.model,
        device=settings.device,
        compute_type=settings.compute_type,
        parts=_parts(memory, settings.max_batch_size) if on_gpu and memory else (),
    )


def _parts(memory: ModelMemory, batch: int) -> tuple[Part, ...]:
    tensors = memory.weights_bytes + memory.batch_bytes(batch)
    return (
        Part("weights", memory.weights_bytes),
        Part(f"batch of {batch}", memory.batch_bytes(batch)),
        Part(f"allocator {ALLOCATOR_SHARE:.0%}", int(tensors * ALLOCATOR_SHARE)),
        Part("CUDA context", CONTEXT_BYTES),
    )


def _asr_memory(settings: AsrSettings, manifest: ModelManifest | None) -> ModelMemory | None:
    if stated := _stated(settings, manifest):
        return stated
    size = whisper_size(settings.model)
    beam_size = max(settings.beam_size, settings.partial_beam_size)
    return size.memory(settings.compute_type, beam_size) if size else None


def _mt_memory(settings: MtSettings, manifest: ModelManifest | None) -> ModelMemory | None:
    if stated := _stated(settings, manifest):
        return stated
    size = language_model_size(settings.model)
    return size.memory(settings.compute_type, settings.max_source_tokens) if size else None


def _stated(
    settings: AsrSettings | MtSettings, manifest: ModelManifest | None
) -> ModelMemory | None:
    if settings.memory is not None:
        return settings.memory
    return manifest.memory.get(settings.compute_type) if manifest else None

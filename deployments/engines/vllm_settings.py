"""How vLLM runs a translator."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class VllmSettings(BaseModel):
    """Of the vLLM engine alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the whole GPU's memory for weights and KV cache, whatever else lies on it."""
    kv_cache_bytes: Annotated[int, Field(ge=1 << 26)] | None = None
    """Size of the KV cache; None: what `gpu_memory_utilization` leaves, on a CPU 1 GiB."""
    max_model_len: Annotated[int, Field(ge=256)] = 2_048
    """Tokens of prompt and translation together, where the model itself allows for as many."""
    max_num_seqs: Annotated[int, Field(ge=1, le=4_096)] = 256
    """Requests that are decoded together; more of them wait."""
    tensor_parallel_size: Annotated[int, Field(ge=1, le=64)] = 1
    """GPUs that share the model's weights; the deployment needs as many."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of weights and activations; `auto` keeps what the model is stored in."""
    quantization: str | None = None
    """As vLLM names it (fp8, awq, gptq ...); None: as the model says."""
    enforce_eager: bool = False
    """Start faster and run slower: compile nothing."""
    adapters: dict[str, str] = {}
    """LoRA adapters by target (`de`) or pair (`en-de`): directories. A pair's comes
    before its target's; all others are translated by the model alone."""
    max_lora_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    """Of the largest adapter."""

"""What the settings of all stages share."""

from __future__ import annotations

from typing import Annotated, Literal

import ctranslate2
from pydantic import BaseModel, ConfigDict, Field

Device = Literal["cpu", "cuda"]
"""Where a model runs. There is no automatic choice and no falling back."""

ComputeType = Literal[
    "default",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
    "int16",
    "float16",
    "bfloat16",
    "float32",
]
"""CTranslate2's number formats; `default` keeps the one the model is stored in."""


CUDA_COMPUTE_TYPES: tuple[ComputeType, ...] = (
    "float16",
    "bfloat16",
    "int8_float16",
    "int8_bfloat16",
    "int8_float32",
    "float32",
)
"""Those that say on a GPU both what the weights are and what is computed in."""


class StageSettings(BaseModel):
    """One stage's part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """CPU threads of one replica's engine."""
    max_batch_size: Annotated[int, Field(ge=1, le=512)] = 16
    """Requests of different sessions that are answered together."""
    batch_wait_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.005
    """How long the first request of a batch waits for others."""
    hang_s: Annotated[float, Field(gt=0, le=3_600)] = 120.0
    """An engine that has not answered a batch for so long hangs: its replica is replaced."""


def require_explicit(device: Device, compute_type: ComputeType, section: str) -> None:
    """Raise ValueError for a number format that leaves open what a GPU computes in."""
    if device == "cuda" and compute_type not in CUDA_COMPUTE_TYPES:
        raise ValueError(
            f"{section}.compute_type={compute_type!r} leaves open what a GPU computes in; set it "
            f"to {', '.join(CUDA_COMPUTE_TYPES)} (int8_float16 needs the least memory)"
        )


def require_device(device: Device, compute_type: ComputeType, section: str) -> None:
    """Raise RuntimeError where this machine lacks the device, or the device the number format."""
    if device == "cuda" and ctranslate2.get_cuda_device_count() == 0:
        raise RuntimeError(
            f"{section}.device='cuda', but this replica sees no CUDA device. Give the deployment "
            f"num_gpus and run it on a GPU node, or set {section}.device to 'cpu'."
        )
    supported = ctranslate2.get_supported_compute_types(device)
    if compute_type not in {"default", *supported}:
        raise RuntimeError(
            f"{section}.compute_type={compute_type!r} is not among those that this machine's "
            f"{device} computes in: {', '.join(sorted(supported))}. Choose one of them."
        )

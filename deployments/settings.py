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


class StageSettings(BaseModel):
    """One stage's part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """CPU threads of one replica's engine."""
    max_batch_size: Annotated[int, Field(ge=1, le=512)] = 16
    batch_wait_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.005
    """How long the first request of a batch waits for others."""


def require_device(device: Device, setting: str) -> None:
    """Raise RuntimeError where `device` is not on this machine."""
    if device == "cuda" and ctranslate2.get_cuda_device_count() == 0:
        raise RuntimeError(
            f"{setting}='cuda', but this replica sees no CUDA device. Give the deployment "
            f"num_gpus and run it on a GPU node, or set {setting} to 'cpu'."
        )

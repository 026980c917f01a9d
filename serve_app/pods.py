"""What the configuration says about the machines, so that a plan can be checked against them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deployments.gpus import GpuType


class PodSettings(BaseModel):
    """The pods that the cluster can grow to, all alike; one machine is one pod."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Most pods with replicas: maxReplicas of the worker group, 1 on one machine."""
    cpus: Annotated[float, Field(gt=0, le=1_024)] | None = None
    """Cores that Ray gives out on each; null: all of the machine that checks the plan."""
    gpus: Annotated[int, Field(ge=0, le=64)] = 0
    """GPUs of each; with `mig`, slices."""
    gpu: GpuType | None = None
    """Their type, from which memory and number formats are known."""
    gpu_memory_bytes: Annotated[int, Field(ge=1 << 28)] | None = None
    """Memory of each GPU, where its type is not in the list."""
    mig: Annotated[str, Field(pattern=r"^[1-7]g\.\d+gb$")] | None = None
    """MIG profile where each GPU that Ray sees is a slice: `3g.40gb`."""

    @model_validator(mode="after")
    def _gpu_is_described(self) -> Self:
        described = self.gpu is not None or self.gpu_memory_bytes is not None
        if self.gpus and not described:
            raise ValueError("gpus wants gpu (its type) or gpu_memory_bytes beside it")
        if described and not self.gpus:
            raise ValueError("gpu and gpu_memory_bytes want gpus beside them: how many a pod has")
        if self.gpu is not None and self.gpu_memory_bytes is not None:
            raise ValueError("gpu says how much memory there is; remove gpu_memory_bytes")
        if self.mig is not None and self.gpu is None:
            raise ValueError("mig wants gpu beside it: the type that is cut into slices")
        return self

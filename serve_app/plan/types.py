"""What a plan is made of: pods, stages, where their replicas go, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from deployments.gpus import GIB, MIB

# Ray counts GPUs and cores in ten-thousandths.
UNIT = 10_000

CONTEXT_BYTES = 768 * MIB
"""What a process holds on a GPU beside its tensors: CUDA's context, cuBLAS, cuDNN and what they
work in. Published runs of Whisper take 760 MiB more than their weights (docs/gpu.md)."""


def units(share: float) -> int:
    """A share of a GPU or a core as Ray counts it."""
    return round(share * UNIT)


def gib(amount_bytes: float) -> str:
    """Bytes as a message gives them."""
    return f"{amount_bytes / GIB:.2f} GiB"


def cores(count: float) -> str:
    """A number of cores as a message gives it."""
    return f"{count:g} core{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Pods:
    """What the cluster can grow to: pods that are all alike. One machine is one pod."""

    count: int
    cpus: float | None
    """Of each; None where they are not known, and so not checked."""
    gpus: int = 0
    gpu_name: str = ""
    gpu_memory_bytes: int = 0
    capability: float | None = None
    """CUDA compute capability; None where only the memory is stated."""
    mig: str | None = None
    """Profile, where each of the `gpus` is a slice of one."""

    @property
    def cpus_text(self) -> str:
        """The cores of one pod."""
        return "cores that are not stated" if self.cpus is None else cores(self.cpus)

    @property
    def gpu_text(self) -> str:
        """The GPUs of one pod."""
        if not self.gpus:
            return "no GPU"
        slices = f" MIG {self.mig}" if self.mig else ""
        return f"{self.gpus} x {self.gpu_name}{slices} of {gib(self.gpu_memory_bytes)}"


@dataclass(frozen=True, slots=True)
class Options:
    """What Serve gives each replica of a deployment, and how many there are."""

    name: str
    min_replicas: int
    max_replicas: int
    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Part:
    """Some memory of a replica, and what it is for."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment with what its replicas hold."""

    options: Options
    section: str = ""
    """Of the configuration; empty for the ingress."""
    model: str = ""
    device: str = "cpu"
    compute_type: str = ""
    parts: tuple[Part, ...] = ()
    """What one replica holds on each of its GPUs."""
    reserved: tuple[Part, ...] = ()
    """What must find room in the first part, where that is a share that the engine takes as a
    whole."""
    tensor_parallel: int = 1

    @property
    def name(self) -> str:
        """Of the deployment."""
        return self.options.name

    @property
    def on_gpu(self) -> bool:
        """Whether its replicas run on GPUs."""
        return self.device == "cuda"

    @property
    def bytes(self) -> int:
        """What one replica holds on each of its GPUs."""
        return sum(part.bytes for part in self.parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not fit."""

    what: str
    arithmetic: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}: {self.arithmetic}. {self.fix}"


@dataclass(slots=True)
class GpuUse:
    """One GPU with the replicas on it."""

    free: int = UNIT
    stages: list[Stage] = field(default_factory=list)


@dataclass(slots=True)
class PodUse:
    """One pod with the replicas on it."""

    free_cpus: int | None
    """In units; None where there is no telling."""
    gpus: list[GpuUse]
    stages: list[Stage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages on pods; it fits where there are no problems."""

    pods: Pods
    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]
    used: tuple[PodUse, ...]
    """With all replicas that find a place; empty where the stages themselves are at fault."""

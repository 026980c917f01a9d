"""Facts about GPUs that a plan is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

MIB = 1 << 20
GIB = 1 << 30

GpuType = Literal[
    "T4", "V100-16GB", "RTX-3090", "RTX-4090", "RTX-A4000", "A10", "A10G", "A30", "L4", "L40S",
    "A100-40GB", "A100-80GB", "H100-80GB", "H200",
]  # fmt: skip
"""GPUs whose memory is known here; of another one the memory itself is stated."""

BFLOAT16_CAPABILITY = 8.0
"""Compute capability (Ampere) from which a GPU has bfloat16."""

# A slice has a little less than its name says; NVIDIA's MIG guide lists 4,864 MiB for 1g.5gb.
_SLICE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Gpu:
    """One type of GPU."""

    memory_mib: int
    """Total, as nvidia-smi shows it."""
    capability: float
    """CUDA compute capability."""
    mig: Mapping[str, int] = field(default_factory=dict)
    """How many devices one GPU can be cut into, by MIG profile."""

    @property
    def memory_bytes(self) -> int:
        """The same in bytes."""
        return self.memory_mib * MIB


def _slices(unit_gb: int) -> dict[str, int]:
    """The profiles of a GPU of seven slices, the smallest of which has `unit_gb`."""
    return {
        f"1g.{unit_gb}gb": 7, f"2g.{2 * unit_gb}gb": 3, f"3g.{4 * unit_gb}gb": 2,
        f"4g.{4 * unit_gb}gb": 1, f"7g.{8 * unit_gb}gb": 1,
    }  # fmt: skip


GPUS: dict[GpuType, Gpu] = {
    "T4": Gpu(15_360, 7.5),
    "V100-16GB": Gpu(16_384, 7.0),
    "RTX-3090": Gpu(24_576, 8.6),
    "RTX-4090": Gpu(24_564, 8.9),
    "RTX-A4000": Gpu(16_376, 8.6),
    "A10": Gpu(23_028, 8.6),
    "A10G": Gpu(23_028, 8.6),
    "A30": Gpu(24_576, 8.0, {"1g.6gb": 4, "2g.12gb": 2, "4g.24gb": 1}),
    "L4": Gpu(23_034, 8.9),
    "L40S": Gpu(46_068, 8.9),
    "A100-40GB": Gpu(40_960, 8.0, _slices(5)),
    "A100-80GB": Gpu(81_920, 8.0, _slices(10)),
    "H100-80GB": Gpu(81_559, 9.0, _slices(10)),
    "H200": Gpu(
        143_771, 9.0, {"1g.18gb": 7, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1}
    ),
}
GPU_TYPES: tuple[GpuType, ...] = get_args(GpuType)


def slice_bytes(profile: str) -> int:
    """Memory of one MIG device, from the name of its profile (`3g.40gb`)."""
    gigabytes = int(profile.partition(".")[2].removesuffix("gb"))
    return int(gigabytes * GIB * _SLICE_SHARE)
